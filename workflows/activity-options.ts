import { proxyActivities, workflowInfo, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import { backfillQueue } from '../domain/workflow-ids.ts';

/** A person waits for these: noticed when their worker dies (they heartbeat once they take longer than 5 s). */
const interactive: ActivityOptions = {
  startToCloseTimeout: '90 seconds',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '20 seconds' },
  priority: { priorityKey: 1 },
};

/** Steps of a login; retried until the attempt's deadline, which callers pass as `scheduleToCloseTimeout`. */
export const login = proxyActivities<Activities>(interactive);

/** Closing an attempt must not delay the next operation: the reconciler repeats a compensation that fails now. */
export const closing = proxyActivities<Activities>({
  ...interactive,
  retry: { ...interactive.retry, maximumInterval: '4 seconds' },
});

/** Collecting details is provider backfill: it yields to people. */
export const details = proxyActivities<Activities>({
  ...interactive,
  retry: { ...interactive.retry, maximumAttempts: 8 },
  priority: { priorityKey: 3 },
});

/** Reading an address book: long, so that it says more seldom that it lives; what it waited out itself is not retried for ever. */
export const contactsIn = (heartbeatSeconds: number) =>
  proxyActivities<Activities>({
    startToCloseTimeout: '15 minutes',
    heartbeatTimeout: `${heartbeatSeconds} seconds`,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 20 },
    priority: { priorityKey: 5 },
  });

/** Sweeps: what one try leaves, the next fire of the Schedule finds. */
export const sweeps = proxyActivities<Activities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '75 seconds',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 5 },
  priority: { priorityKey: 4 },
});

/** Erasing somebody asks no provider: it is tried until it is done. */
export const erasing = proxyActivities<Activities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  priority: { priorityKey: 3 },
});

/** Where what fetches in bulk is served: it never takes a slot from what a person waits for. */
export const inBackfill = (): ActivityOptions => ({ taskQueue: backfillQueue(workflowInfo().taskQueue) });
