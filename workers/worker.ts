import { setTimeout as pause } from 'node:timers/promises';
import { NativeConnection, TransportError, Worker } from '@temporalio/worker';
import { createActivities } from '../activities/activities.ts';
import type { Context } from '../services/context.ts';
import { backfillQueue } from '../domain/workflow-ids.ts';
import { createDataConverter } from '../temporal/codec.ts';
import type { Config } from '../platform/config.ts';
import { temporalAddress } from '../temporal/address.ts';
import { activityInterceptors } from './interceptors.ts';
import { workflowCode } from './workflow-bundle.ts';

/**
 * Concurrent activities by queue, and pages of events that become deliveries: no more than there are database connections
 * for them.
 */
export const slots = { activities: 8, backfill: 4, deliveries: 3 };

export interface Polling {
  /** Resolves when every worker has drained. When one fails, stops the others and rejects. */
  run(): Promise<void>;
  shutdown(): void;
  close(): Promise<void>;
}

/** How long the worker waits before it tries to reach Temporal again, in milliseconds. */
const reconnectMs = 2_000;

/** Waits for a Temporal that is down: a worker may start before it. */
async function connect({ config, log }: Context): Promise<NativeConnection> {
  for (;;) {
    try {
      return await NativeConnection.connect(temporalAddress(config));
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      log.warn({ err: error }, 'Temporal cannot be reached; the worker waits for it');
      await pause(reconnectMs);
    }
  }
}

/** A run ends on the version on which it began. Set here: without a deployment the server refuses a behavior of a workflow. */
const versioning = ({ WORKER_DEPLOYMENT_NAME: deploymentName, WORKER_BUILD_ID: buildId }: Config) =>
  deploymentName && buildId
    ? {
        workerDeploymentOptions: {
          useWorkerVersioning: true as const,
          version: { deploymentName, buildId },
          defaultVersioningBehavior: 'PINNED' as const,
        },
      }
    : {};

/** One queue for interactive calls, one for backfill. Settings are measured for two cores. */
export async function createWorkers(context: Context): Promise<Polling> {
  const { config } = context;
  const connection = await connect(context);
  const has = (role: Config['WORKER_ROLES'][number]): boolean => config.WORKER_ROLES.includes(role);
  const shared = {
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    dataConverter: createDataConverter(() => context.vault.keysOf(context.db, null)),
    interceptors: { activity: [activityInterceptors(context.log)] },
    ...versioning(config),
    shutdownGraceTime: config.SHUTDOWN_GRACE_SECONDS * 1000,
  };
  const activities = createActivities(context);
  const workers: Worker[] = [];
  if (has('workflows') || has('activities'))
    workers.push(
      await Worker.create({
        ...shared,
        taskQueue: config.TEMPORAL_TASK_QUEUE,
        // How soon another worker continues the runs of a dead one; ten seconds by default.
        stickyQueueScheduleToStartTimeout: '2 seconds',
        maxCachedWorkflows: 1_000,
        workflowThreadPoolSize: 1,
        maxConcurrentActivityTaskExecutions: slots.activities,
        ...(has('workflows') && workflowCode(config)),
        ...(has('activities') && { activities }),
      }),
    );
  if (has('backfill'))
    workers.push(
      await Worker.create({
        ...shared,
        taskQueue: backfillQueue(config.TEMPORAL_TASK_QUEUE),
        maxConcurrentActivityTaskExecutions: slots.backfill,
        activities,
      }),
    );
  const shutdown = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  return {
    run: async () => {
      const ended = await Promise.allSettled(
        workers.map((worker) =>
          worker.run().catch((error: unknown) => {
            shutdown();
            throw error;
          }),
        ),
      );
      const failed = ended.find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
    },
    shutdown,
    close: () => connection.close(),
  };
}
