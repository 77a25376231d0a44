import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import type { HoldReason } from '../../domain/sends.ts';
import { sendableAt } from '../../db/queries/sends/send-calls.ts';
import { holdQueue, releaseQueue, type LockedQueue } from '../../db/queries/sends/send-queue.ts';
import { liveCallInMs } from '../../db/queries/tenants/call-buckets.ts';
import { pressureLiftsIn } from '../../db/queries/tenants/call-pressures.ts';
import { sendingRulesOf } from '../../db/queries/tenants/sending-stops.ts';
import { quietAt, quietHoursOf } from '../../domain/quiet-hours.ts';
import { sendLimitsOf } from './send-limits.ts';

/** What holds the messages of an account now. */
export interface Held {
  until: Date;
  reason: HoldReason;
  /** Conversations whose person wrote after this are answered all the same; null: none is. */
  exceptSince: Date | null;
}

/** The end of a stop is not known. */
const endOfTime = new Date('9999-01-01T00:00:00Z');

/** For so long a call waits for its turn, in milliseconds. */
const soonMs = 5_000;

/** What is looked up for each message, so that a change of it counts at once. */
const lookedUp: ReadonlySet<HoldReason | null> = new Set(['stopped', 'paused', 'quiet_hours']);

/**
 * What holds the messages of an account: a stop of its tenant, a pause that the provider asked for, a limit, or quiet hours.
 * Null: they may be sent. Writes it to the queue, so that callers see it and no run begins in vain.
 */
export async function heldUntil(em: Em, account: Account, queue: LockedQueue, now: Date): Promise<Held | null> {
  const rules = await sendingRulesOf(em, account.tenantId);
  const { holdsUntil, holdsFor } = queue;
  const isHeld = holdsUntil !== null && holdsUntil > now && holdsFor !== null && !lookedUp.has(holdsFor);
  if (rules.stop) {
    const reason = rules.stop.reason === 'restored' ? 'paused' : 'stopped';
    const stopped: Held = { until: endOfTime, reason, exceptSince: null };
    // A pause that the provider asked for stays in the row: it may outlast the stop.
    return isHeld ? stopped : hold(em, account, queue, stopped);
  }
  if (isHeld) return { until: holdsUntil, reason: holdsFor, exceptSince: null };
  const limited = await limitedUntil(em, account, now);
  if (limited) return hold(em, account, queue, limited);
  const quiet = quietAt(quietHoursOf(account.quietHours, rules.quietHours), rules.zone, now);
  if (quiet)
    return hold(em, account, queue, { until: quiet.until, reason: 'quiet_hours', exceptSince: quiet.repliesSince });
  if (lookedUp.has(holdsFor)) await releaseQueue(em, account.id);
  return null;
}

async function hold(em: Em, { id }: Account, queue: LockedQueue, held: Held): Promise<Held> {
  const isWritten = queue.holdsFor === held.reason && queue.holdsUntil?.getTime() === held.until.getTime();
  if (!isWritten) await holdQueue(em, id, held.until, held.reason);
  return held;
}

async function limitedUntil(em: Em, account: Account, now: Date): Promise<Held | null> {
  const room = await roomAt(em, account, now);
  if (room) return { until: room, reason: 'rate_limited', exceptSince: null };
  const free =
    (await sendableAt(em, account.id, sendLimitsOf(account, now), now)) ?? (await callableAt(em, account, now));
  return free && { until: free, reason: 'budget', exceptSince: null };
}

/** When the limit of the account's credentials lets a call go out, unless that is soon: the call waits for it then. */
async function callableAt(em: Em, { credentialsId }: Account, now: Date): Promise<Date | null> {
  const ms = credentialsId === null ? 0 : await liveCallInMs(em, credentialsId, now);
  return ms > soonMs ? new Date(now.getTime() + ms) : null;
}

/** When the provider, whose limits are nearly full, takes calls about the account again; null where that is soon. */
async function roomAt(em: Em, { credentialsId, providerAccountId }: Account, now: Date): Promise<Date | null> {
  if (credentialsId === null || providerAccountId === null) return null;
  const ms = await pressureLiftsIn(em, credentialsId, [providerAccountId], now);
  return ms > soonMs ? new Date(now.getTime() + ms) : null;
}
