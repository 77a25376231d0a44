import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { Activities } from '../../activities/activities.ts';
import { backfillQueue } from '../../domain/workflow-ids.ts';
import { searchAttributes } from '../../domain/search-attributes.ts';
import type { Progress } from '../../domain/attempts.ts';
import type { SyncProgress } from '../../domain/syncs.ts';
import { createDataConverter } from '../../temporal/codec.ts';
import { activityInterceptors } from '../../workers/interceptors.ts';
import { installRuntime } from '../../workers/runtime.ts';
import { createLog } from '../../platform/log.ts';
import { required } from '../support/database.ts';
import { testKeys } from '../support/key.ts';

/** Temporal's time-skipping server with our workflows: days pass while a result is awaited. */
export interface SkippedTime {
  env: TestWorkflowEnvironment;
  /** Serves one account's run with `activities` while `scenario` runs. Activities that are not given fail. */
  play<T>(activities: Partial<Activities>, scenario: (play: Play) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export interface Play {
  taskQueue: string;
  accountId: string;
  workflowId: string;
}

let played = 0;

/** `path` is the server's launcher. */
export async function skipTime(path: string): Promise<SkippedTime> {
  const log = createLog('test', 'silent');
  installRuntime(log);
  const env = await startServer(path);
  // The server knows no search attribute by itself, and an upsert of an unknown one fails the workflow's task.
  await env.connection.operatorService.addSearchAttributes({
    namespace: env.namespace ?? 'default',
    searchAttributes: Object.fromEntries(Object.values(searchAttributes).map(({ name }) => [name, KEYWORD])),
  });
  const workflowBundle = { codePath: required('WORKFLOW_BUNDLE') };
  return {
    env,
    async play(activities, scenario) {
      played += 1;
      const play = {
        taskQueue: `skipping-${played}`,
        accountId: `account-${played}`,
        workflowId: `connection/${played}`,
      };
      const shared = {
        connection: env.nativeConnection,
        namespace: env.namespace,
        activities,
        dataConverter: createDataConverter(async () => testKeys),
        interceptors: { activity: [activityInterceptors(log)] },
      };
      const { taskQueue } = play;
      const [worker, backfill] = await Promise.all([
        Worker.create({ ...shared, taskQueue, workflowBundle }),
        Worker.create({ ...shared, taskQueue: backfillQueue(taskQueue) }),
      ]);
      return worker.runUntil(backfill.runUntil(scenario(play)));
    },
    stop: () => env.teardown(),
  };
}

const KEYWORD = 2;

/** The SDK gives the server's start five seconds, which Java on a busy machine may need: it is tried again. */
async function startServer(path: string, tries = 5): Promise<TestWorkflowEnvironment> {
  try {
    return await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path } },
      client: { dataConverter: createDataConverter(async () => testKeys) },
    });
  } catch (error) {
    if (tries === 1 || !/did not start within/.test((error as Error).message)) throw error;
    return startServer(path, tries - 1);
  }
}

/** An attempt's progress, as an activity returns it. */
export const progress = (attempt: number, more: Partial<Progress> = {}): Progress => ({
  attempt,
  state: 'open',
  stepId: null,
  kind: null,
  wakeAt: null,
  wakeInMs: null,
  reason: null,
  outcome: null,
  endedStep: null,
  accountState: 'connecting',
  ...more,
});

/** The same of a sync. */
export const syncProgress = (more: Partial<SyncProgress> = {}): SyncProgress => ({
  more: false,
  state: 'succeeded',
  reason: null,
  counts: {},
  ...more,
});
