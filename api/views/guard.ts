import { z } from 'zod';
import { stopReasons, waysToResume } from '../../domain/sending-stops.ts';
import type { GuardState } from '../../services/guard/guard-state.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { quietHours } from './hours.ts';

const count = z.number().int();
const limit = count.nullable().describe('Null: no limit.');
const next = time.nullable().describe('When the next one may go; null: now.');
const logins = z.object({
  per_hour: limit,
  per_day: limit,
  used: z.object({ hour: count, day: count }),
  next_at: next,
});

/** Why nothing is sent. */
export const stopAnswer = z
  .object({
    reason: z
      .enum(stopReasons)
      .describe('By your tenant, by the operator of the installation, or because a dump was restored.'),
    since: time,
    what_to_do: z.string(),
  })
  .meta({ id: 'SendingStop' });

export const guardAnswer = z
  .object({
    sends: z.object({
      per_minute: limit,
      per_hour: limit,
      per_day: limit,
      spacing_seconds: z.number().nullable(),
      used: z.object({ minute: count, hour: count, day: count }),
      next_at: next,
    }),
    ramp: z
      .object({ share: z.number(), until: time })
      .nullable()
      .describe('The share of its limits that a young account has; null: all of them.'),
    logins: logins.describe('Logins that begin on request.'),
    restarts: logins.describe('Restarts of the login without its owner.'),
    quiet_hours: z
      .object({
        ...quietHours.shape,
        time_zone: z.string(),
        until: time.nullable().describe('When they end that are in force now; null: they are not.'),
      })
      .nullable(),
    stopped: stopAnswer.nullable().describe('Why nothing is sent at all.'),
  })
  .meta({ id: 'Guard' });

/** What is in force of an account's guard and what is used, as callers see it. */
export const guardView = (guard: GuardState): z.input<typeof guardAnswer> => ({
  sends: { ...guard.sends.limits, used: guard.sends.used, next_at: wireTimeOrNull(guard.sends.nextAt) },
  ramp: guard.ramp && { share: guard.ramp.share, until: wireTime(guard.ramp.until) },
  logins: loginsView(guard.logins),
  restarts: loginsView(guard.restarts),
  quiet_hours: guard.quietHours && {
    ...guard.quietHours.hours,
    time_zone: guard.quietHours.timeZone,
    until: wireTimeOrNull(guard.quietHours.until),
  },
  stopped: guard.stopped && stopView(guard.stopped),
});

const loginsView = ({ limits, used, nextAt }: GuardState['logins']) => ({
  ...limits,
  used,
  next_at: wireTimeOrNull(nextAt),
});

export const stopView = ({ reason, since }: NonNullable<GuardState['stopped']>) => ({
  reason,
  since: wireTime(since),
  what_to_do: waysToResume[reason],
});
