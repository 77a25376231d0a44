import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { sendableAt } from '../../db/queries/sends/send-calls.ts';
import { holdQueue, type LockedQueue } from '../../db/queries/sends/send-queue.ts';
import { liveCallInMs } from '../../db/queries/tenants/call-buckets.ts';
import { pressureLiftsIn } from '../../db/queries/tenants/call-pressures.ts';
import { sendingPausedAt } from '../../db/queries/tenants/paused-sending.ts';
import { longestSleepMs } from '../../domain/sends.ts';
import { sendLimitsOf } from './send-limits.ts';

/** How often a queue is looked at while sending is paused; longer than a run sleeps. */
const pausedForMs = longestSleepMs + 300_000;

/** For so long a call waits for its turn, in milliseconds. */
const soonMs = 5_000;

/** Until when nothing may be sent: the provider asked for a pause, an operator did, or a limit is reached. */
export async function heldUntil(em: Em, account: Account, queue: LockedQueue, now: Date): Promise<Date | null> {
  if (queue.holdsUntil && queue.holdsUntil > now) return queue.holdsUntil;
  if (await sendingPausedAt(em, account.tenantId)) {
    const until = new Date(now.getTime() + pausedForMs);
    await holdQueue(em, account.id, until, 'paused');
    return until;
  }
  const room = await roomAt(em, account, now);
  if (room) {
    await holdQueue(em, account.id, room, 'rate_limited');
    return room;
  }
  const free =
    (await sendableAt(em, account.id, sendLimitsOf(account, now), now)) ?? (await callableAt(em, account, now));
  if (free) await holdQueue(em, account.id, free, 'budget');
  return free;
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
