import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { ScheduleHandle } from '@temporalio/client';
import { startApi } from '../../api/start.ts';
import { openDatabase, type Database } from '../../db/connect.ts';
import { createApiKey, ensureTenant } from '../../db/queries/tenants/api-keys.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { sealed } from '../../db/sealed.ts';
import { callbackAddress } from '../../domain/addresses.ts';
import { scopeNames, type Scope } from '../../domain/scopes.ts';
import type { Config } from '../../platform/config.ts';
import { installedProviders, loadConfig } from '../../services/boot.ts';
import { scheduleId } from '../../temporal/schedules.ts';
import { sandboxSettings, setCallbacks } from '../../sandbox/client-settings.ts';
import { startSandbox } from '../../sandbox/start.ts';
import { startWorker } from '../../workers/start.ts';
import { createClient, type ApiClient } from './client.ts';
import { createTestDatabase, required, type TestDatabase } from './database.ts';
import { addTestDataKey, testKey } from './key.ts';
import { createControl, type Control } from './control.ts';
import { eventually } from './eventually.ts';
import { runSql } from './run-sql.ts';
import { makeMediaFolder } from './media-folder.ts';
import { temporalClient } from './history.ts';

/** API, worker and sandbox in this process, with a real PostgreSQL and Temporal and a task queue of its own. */
export interface TestStack {
  api: ApiClient;
  control: Control;
  config: Config;
  database: TestDatabase;
  /** The API's, which stays open while workers are stopped and started. */
  db: Database;
  worker: Awaited<ReturnType<typeof startWorker>>;
  /** A client of another tenant, or of the same one with fewer scopes. */
  client(tenant: string, scopes?: readonly Scope[]): Promise<ApiClient>;
  /** Calls the sandbox's UniPile API with the installation's key. */
  provider(method: string, path: string): Promise<{ status: number; body: any }>;
  providerPost(path: string, body: object): Promise<any>;
  /** Triggers a Schedule of this stack, once its running workflow has ended. */
  trigger(workflowType: string): Promise<void>;
  /** Has the sweep of platforms visit an account, whatever is due of it; answers its row of `account_visits` then. */
  visit(accountId: string): Promise<any>;
  /** The API's metrics as Prometheus text. */
  metrics(): Promise<string>;
  /** The callback address of an account's newest attempt, which the API does not show. */
  callbackOf(accountId: string): Promise<{ callback: string; name: string }>;
  /** Waits for a line of that kind in an account's timeline. */
  timeline(accountId: string, kind: string): Promise<any>;
  /** Starts another worker on the same queue, beside `worker` or after it was stopped. */
  startWorker(roles?: Config['WORKER_ROLES'], settings?: Partial<Config>): ReturnType<typeof startWorker>;
  /** Stops the sandbox: from then on no provider can be reached. */
  cutOff(): Promise<void>;
  stop(): Promise<void>;
}

/** Does `work` with a Schedule once its workflow has ended: the Schedule skips a trigger while it is running. */
async function whenIdle(
  taskQueue: string,
  workflowType: string,
  work: (schedule: ScheduleHandle) => Promise<void>,
): Promise<void> {
  const { connection, schedule: schedules } = await temporalClient();
  try {
    const schedule = schedules.getHandle(scheduleId(workflowType, taskQueue));
    await eventually('the Schedule', async () => (await schedule.describe()).info.runningActions.length === 0);
    await work(schedule);
  } finally {
    await connection.close();
  }
}

export async function startTestStack(
  settings: Record<string, string> = {},
  providers = installedProviders,
): Promise<TestStack> {
  const [database, sandbox, media] = await Promise.all([createTestDatabase(), startSandbox(), makeMediaFolder()]);
  const environment = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
    TEMPORAL_TASK_QUEUE: `test-${randomUUID()}`,
    WORKFLOW_BUNDLE: required('WORKFLOW_BUNDLE'),
    ENCRYPTION_KEY: testKey,
    ...sandboxSettings(sandbox),
    SANDBOX_CONTROL_URL: sandbox.controlUrl,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent',
    RECONCILE_INTERVAL_SECONDS: '2',
    SHUTDOWN_GRACE_SECONDS: '1',
    RATE_LIMIT_PER_MINUTE: '100000',
    MEDIA_FOLDER: media,
    // Accounts are visited when a test wants it.
    PLATFORM_SYNC_ENABLED: 'false',
    ...settings,
  };
  const config = loadConfig(environment, providers);
  const db = await openDatabase(database.url, { pool: { app: 1, system: 1 } });
  await addTestDataKey(db);
  await db.close();
  const api = await startApi({ ...config, PORT: 0 }, { providers });
  await setCallbacks(sandbox.controlUrl, settings.PUBLIC_URL ?? api.url);
  // Providers send webhooks to the port on which the API listens.
  const own = { ...config, PUBLIC_URL: settings.PUBLIC_URL ?? api.url };
  const worker = await startWorker(own, { providers });
  const client = async (tenant: string, scopes: readonly Scope[] = scopeNames): Promise<ApiClient> => {
    const key = await api.context.db.system(async (em) => {
      const now = new Date();
      const row = await ensureTenant(em, api.context.vault, tenant, now);
      return createApiKey(em, row.id, 'test', scopes, now).key;
    });
    return createClient(api.url, key);
  };
  const owner = await client(`tenant-${randomBytes(4).toString('hex')}`);
  let closed: Promise<void> | null = null;
  const cutOff = (): Promise<void> => (closed ??= sandbox.close());
  const stack: TestStack = {
    api: owner,
    control: createControl(sandbox.controlUrl),
    config: own,
    database,
    db: api.context.db,
    worker,
    client,
    provider: async (method, path) => {
      const answer = await fetch(`${sandbox.unipileUrl}/api/v1${path}`, {
        method,
        headers: { 'x-api-key': 'sandbox-key' },
      });
      return { status: answer.status, body: await answer.json() };
    },
    providerPost: async (path, body) => {
      const answer = await fetch(`${sandbox.unipileUrl}/api/v1${path}`, {
        method: 'POST',
        headers: { 'x-api-key': 'sandbox-key', 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return answer.json();
    },
    trigger: (workflowType) => whenIdle(config.TEMPORAL_TASK_QUEUE, workflowType, (schedule) => schedule.trigger()),
    visit: async (accountId) => {
      const visits = (statement: string): Promise<any[]> =>
        api.context.db.system((em) => runSql<any>(em, statement, [accountId]));
      const [before] = await visits('select visited_at from account_visits where account_id = ?');
      await visits("update account_visits set due_at = 'epoch', lease = null where account_id = ?");
      await stack.trigger('syncPlatforms');
      const settled = async (): Promise<any> => {
        const [row] = await visits('select * from account_visits where account_id = ?');
        return row.visited_at && row.visited_at !== before.visited_at && row.lease === null ? row : null;
      };
      // A worker that was stopped may have taken the activity: another one has it after 75 s without a heartbeat.
      const visit = await eventually('the visit', settled, 100_000);
      // A worker that is stopped next does not leave a sweep behind.
      await whenIdle(config.TEMPORAL_TASK_QUEUE, 'syncPlatforms', async () => {});
      return visit;
    },
    metrics: () => api.context.metrics.registry.metrics(),
    callbackOf: async (accountId) => {
      const { db, vault } = api.context;
      const attempt = await db.system((em) =>
        em.findOneOrFail(ConnectionAttempt, { accountId }, { orderBy: { number: 'desc' } }),
      );
      const keys = await vault.keysOf(db, attempt.tenantId);
      const token = keys.open(attempt.callbackToken ?? '', sealed.callbackToken(attempt.id));
      return { callback: callbackAddress(api.url, 'unipile', token), name: attempt.id };
    },
    timeline: (accountId, kind) =>
      eventually(`"${kind}" in the timeline`, async () => {
        const { body } = await owner.get(`/api/v1/accounts/${accountId}/timeline?limit=200`);
        return body.items.find((line: any) => line.kind === kind) ?? null;
      }),
    startWorker: (roles = own.WORKER_ROLES, more = {}) => startWorker({ ...own, ...more, WORKER_ROLES: roles }),
    cutOff,
    stop: async () => {
      await stack.worker.stop();
      await api.close();
      await cutOff();
      await database.drop();
      await rm(media, { recursive: true, force: true });
    },
  };
  return stack;
}
