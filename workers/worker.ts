import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createActivities } from '../activities/activities.ts';
import type { Deps } from '../activities/deps.ts';
import { createDataConverter } from '../platform/codec.ts';
import type { Config } from '../platform/config.ts';
import { temporalAddress } from '../platform/temporal.ts';
import { activityInterceptors } from './interceptors.ts';

/** A worker that serves workflows and activities of one task queue, with the settings measured for two cores. */
export async function createWorker(
  config: Config,
  deps: Deps,
): Promise<{ worker: Worker; connection: NativeConnection }> {
  const connection = await NativeConnection.connect(temporalAddress(config));
  const worker = await Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: config.TEMPORAL_TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    activities: createActivities(deps),
    dataConverter: createDataConverter(deps.vault),
    interceptors: { activity: [activityInterceptors(deps.log)] },
    // After a worker's death its runs are taken over within this time, not the default ten seconds.
    stickyQueueScheduleToStartTimeout: '2 seconds',
    shutdownGraceTime: `${config.SHUTDOWN_GRACE_SECONDS} seconds`,
    maxCachedWorkflows: 1_000,
    workflowThreadPoolSize: 1,
    // Never more activities at once than connections for them.
    maxConcurrentActivityTaskExecutions: 10,
  });
  return { worker, connection };
}
