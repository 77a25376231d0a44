import type { Context as ActivityContext } from '@temporalio/activity';
import { sumOf, type SweepCounts, type SweepProgress } from '../domain/syncs.ts';
import { timeOf, type Context } from '../services/context.ts';
import { remindOwners } from '../services/reminders/remind-owners.ts';
import { saveProgress } from './heartbeat.ts';
import type { SweepRef } from './lease-due-accounts.ts';

/** Then the activity ends, and others continue. */
const activityMs = 4 * 60_000;

/** Reminds the owners that are due, in short transactions that call nothing: a worker that dies leaves the rest as it was. */
export async function remindDueOwners(
  context: Context,
  ref: SweepRef,
  activity: ActivityContext,
): Promise<SweepProgress> {
  const began = Date.now();
  // By the clock of this process: what is due by it may be ahead of the workflow's time.
  const now = timeOf(context, ref);
  let counts: SweepCounts = { accounts: 0, failed: 0 };
  let more = true;
  while (more && Date.now() - began < activityMs) {
    activity.cancellationSignal.throwIfAborted();
    const done = await remindOwners(context, now);
    counts = sumOf(counts, { accounts: done.accounts, failed: 0 });
    more = done.more;
    saveProgress(activity, counts);
  }
  return { more, ...counts };
}
