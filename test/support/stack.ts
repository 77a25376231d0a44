import { randomBytes, randomUUID } from 'node:crypto';
import { startApi } from '../../api/start.ts';
import { createApiKey, ensureTenant } from '../../db/api-keys.ts';
import { scopeNames, type Scope } from '../../domain/scopes.ts';
import { readConfig, type Config } from '../../platform/config.ts';
import { startSandbox } from '../../sandbox/start.ts';
import { startWorker } from '../../workers/start.ts';
import { createClient, type ApiClient } from './client.ts';
import { createTestDatabase, required, type TestDatabase } from './database.ts';
import { testKey } from './key.ts';
import { createControl, type Control } from './control.ts';

/** The whole product in this process, over real PostgreSQL, Temporal and sandbox, on a queue of its own. */
export interface TestStack {
  api: ApiClient;
  control: Control;
  config: Config;
  database: TestDatabase;
  worker: Awaited<ReturnType<typeof startWorker>>;
  /** A client of another tenant, or of the same one with fewer scopes. */
  client(tenant: string, scopes?: readonly Scope[]): Promise<ApiClient>;
  /** Another worker on the same queue, after `worker` was stopped or beside it. */
  startWorker(roles?: Config['WORKER_ROLES']): ReturnType<typeof startWorker>;
  stop(): Promise<void>;
}

export async function startTestStack(settings: Record<string, string> = {}): Promise<TestStack> {
  const [database, sandbox] = await Promise.all([createTestDatabase(), startSandbox()]);
  const config = readConfig({
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
    TEMPORAL_TASK_QUEUE: `test-${randomUUID()}`,
    ENCRYPTION_KEY: testKey,
    UNIPILE_DSN: sandbox.unipileUrl,
    UNIPILE_ACCESS_TOKEN: 'sandbox-key',
    SANDBOX_CONTROL_URL: sandbox.controlUrl,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent',
    RECONCILE_INTERVAL_SECONDS: '2',
    SHUTDOWN_GRACE_SECONDS: '1',
    RATE_LIMIT_PER_MINUTE: '100000',
    ...settings,
  });
  const api = await startApi({ ...config, PORT: 0 });
  // Webhooks must come back to the port that the API got.
  const own = { ...config, PUBLIC_URL: settings.PUBLIC_URL ?? api.url };
  const worker = await startWorker(own);
  const client = async (tenant: string, scopes: readonly Scope[] = scopeNames): Promise<ApiClient> => {
    const key = await worker.deps.db.system(async (em) => {
      const now = new Date();
      const row = await ensureTenant(em, tenant, now);
      return createApiKey(em, row.id, 'test', scopes, now).key;
    });
    return createClient(api.url, key);
  };
  return {
    api: await client(`tenant-${randomBytes(4).toString('hex')}`),
    control: createControl(sandbox.controlUrl),
    config: own,
    database,
    worker,
    client,
    startWorker: (roles = own.WORKER_ROLES) => startWorker({ ...own, WORKER_ROLES: roles }),
    stop: async () => {
      await worker.stop();
      await api.close();
      await sandbox.close();
      await database.drop();
    },
  };
}
