import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { sweepActivities } from '../../activities/sweeps.ts';
import type { SweepProgress } from '../../domain/syncs.ts';
import { activityInterceptors } from '../../workers/interceptors.ts';
import type { Context } from '../../services/context.ts';

/** The same process at another time. */
export const atTime = (context: Context, now: () => number): Context => ({
  ...context,
  clock: { now: () => new Date(now()) },
});

/** A process that ends before it writes anything after `die`, as by kill -9: nothing that it does then reaches PostgreSQL. */
export function mortal(context: Context): { context: Context; die(): void } {
  let dead = false;
  const living = <A extends unknown[], T>(work: (...args: A) => Promise<T>) =>
    ((...args) => (dead ? Promise.reject(new Error('killed')) : work(...args))) as typeof work;
  const db = { ...context.db, tenant: living(context.db.tenant), system: living(context.db.system) } as Context['db'];
  return { context: { ...context, db }, die: () => void (dead = true) };
}

/** One activity of the sweep of tokens, as one of many. */
export function sweepTokens(context: Context, heartbeatDetails?: unknown): Promise<SweepProgress> {
  const activity = new MockActivityEnvironment(
    { heartbeatDetails },
    { interceptors: [activityInterceptors(context.log)], logger: new DefaultLogger('ERROR') },
  );
  // The workflow's own time would be that of this machine.
  const ref = { now: 0, isOneOfMany: true };
  return activity.run(sweepActivities(context).refreshDueTokens, ref) as Promise<SweepProgress>;
}
