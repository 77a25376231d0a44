import { Context as ActivityContext } from '@temporalio/activity';
import type { CountProgress } from '../domain/analytics.ts';
import { claimMarked, countMarked, type Counting } from '../services/analytics/count-marked.ts';
import { timeOf, type Context } from '../services/context.ts';
import { heartbeat } from './heartbeat.ts';

/** The workflow's time; and the claim of the sweep's first activity, for those that help it. */
export interface CountRef {
  now: number;
  claim?: string;
}

/** Then the activity ends, and others continue. */
const activityMs = 4 * 60_000;
const beatEveryMs = 5_000;

export const analyticsActivities = (context: Context) => ({
  /** Without a claim it claims every mark first. */
  countAnalytics: async (ref: CountRef): Promise<CountProgress> => {
    const activity = ActivityContext.current();
    const began = performance.now();
    let beaten = began;
    const counting: Counting = {
      now: timeOf(context, ref),
      isOver: () => performance.now() - began > activityMs,
      signal: activity.cancellationSignal,
      beat: () => {
        // A heartbeat that reaches the server is an action.
        if (performance.now() - beaten < beatEveryMs) return;
        beaten = performance.now();
        heartbeat(activity);
      },
    };
    const claim = ref.claim ?? (await claimMarked(context, counting));
    if (claim === null) return { claim: '', more: false, accounts: 0, failed: 0 };
    const progress = await countMarked(context, claim, counting);
    context.metrics.analyticsAccounts.inc({ outcome: 'succeeded' }, progress.accounts);
    context.metrics.analyticsAccounts.inc({ outcome: 'failed' }, progress.failed);
    return { claim, ...progress };
  },
});
