import { proxyActivities, workflowInfo, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import { backfillQueue } from '../domain/workflow-ids.ts';

/** A person waits for these: a dead worker must be noticed soon. */
const interactive: ActivityOptions = {
  startToCloseTimeout: '90 seconds',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '20 seconds' },
  priority: { priorityKey: 1 },
};

/** Retried until the attempt's deadline, which callers pass as `scheduleToCloseTimeout`. */
export const login = proxyActivities<Activities>(interactive);

/** Closing must not delay the next operation: the reconciler repeats a failed compensation. */
export const closing = proxyActivities<Activities>({
  ...interactive,
  retry: { ...interactive.retry, maximumInterval: '4 seconds' },
});

export const details = proxyActivities<Activities>({
  ...interactive,
  retry: { ...interactive.retry, maximumAttempts: 8 },
  priority: { priorityKey: 3 },
});

/** Retried until PostgreSQL answers: what a provider refuses is an outcome. */
export const sends = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '20 seconds' },
  priority: { priorityKey: 2 },
});

/** Long, so that heartbeats are rarer. Waits for the provider happen inside; retries are bounded. */
export const longReads = (heartbeatSeconds: number) =>
  proxyActivities<Activities>({
    startToCloseTimeout: '15 minutes',
    heartbeatTimeout: `${heartbeatSeconds} seconds`,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 20 },
    priority: { priorityKey: 5 },
  });

/** The next fire of the Schedule continues what one try leaves. */
export const sweeps = proxyActivities<Activities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '75 seconds',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 5 },
  priority: { priorityKey: 4 },
});

/** Calls no provider: retried until it succeeds. */
export const erasing = proxyActivities<Activities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  priority: { priorityKey: 3 },
});

/** Short, so that others have their turn; retried until it succeeds. */
export const bulk = proxyActivities<Activities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  priority: { priorityKey: 5 },
});

/** Bulk fetches never take a slot from a call that a person waits for. */
export const inBackfill = (): ActivityOptions => ({ taskQueue: backfillQueue(workflowInfo().taskQueue) });
