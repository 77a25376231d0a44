import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { loginTimes, restartTimes } from '../../db/queries/accounts/login-times.ts';
import { sendableAt, usedSends, type UsedSends } from '../../db/queries/sends/send-calls.ts';
import { sendingRulesOf } from '../../db/queries/tenants/sending-stops.ts';
import {
  loginLimitsOf,
  nextLoginAt,
  restartLimits,
  usedLogins,
  type LoginLimits,
  type UsedLogins,
} from '../../domain/login-limits.ts';
import { quietAt, quietHoursOf, type QuietHours } from '../../domain/quiet-hours.ts';
import { rampOf, type Ramp, type SendLimits } from '../../domain/send-limits.ts';
import type { StopReason } from '../../domain/sending-stops.ts';
import { sendLimitsOf } from '../messages/send-limits.ts';

/** What keeps an account from being banned, at a time: what is in force and what is used. `nextAt` null: now. */
export interface GuardState {
  sends: { limits: SendLimits; used: UsedSends; nextAt: Date | null };
  /** The share of the limits that a young account has; null where it has all of them. */
  ramp: Ramp | null;
  logins: { limits: LoginLimits; used: UsedLogins; nextAt: Date | null };
  /** Without the owner. */
  restarts: { limits: LoginLimits; used: UsedLogins; nextAt: Date | null };
  /** `until` null: they are not in force now. */
  quietHours: { hours: QuietHours; timeZone: string; until: Date | null } | null;
  /** Null where messages are sent. */
  stopped: { reason: StopReason; since: Date } | null;
}

/** What is in force of the guard of an account, and how much is used. Reads a day of its calls at most. */
export async function guardOf(em: Em, account: Account, now: Date): Promise<GuardState> {
  const limits = sendLimitsOf(account, now);
  const rules = await sendingRulesOf(em, account.tenantId);
  const hours = quietHoursOf(account.quietHours, rules.quietHours);
  const [logins, restarts] = [await loginTimes(em, account.id, now), await restartTimes(em, account.id, now)];
  const budget = (own: LoginLimits, times: readonly Date[]): GuardState['logins'] => ({
    limits: own,
    used: usedLogins(times, now),
    nextAt: nextLoginAt(own, times, now),
  });
  return {
    sends: {
      limits,
      used: await usedSends(em, account.id, now),
      nextAt: await sendableAt(em, account.id, limits, now),
    },
    ramp: rampOf({ published: account.providerConfig?.rate_limits ?? null, connectedAt: account.createdAt }, now),
    logins: budget(loginLimitsOf(account.channel, account.loginLimits), logins),
    restarts: budget(restartLimits, restarts),
    quietHours: hours && { hours, timeZone: rules.zone, until: quietAt(hours, rules.zone, now)?.until ?? null },
    stopped: rules.stop,
  };
}
