import { randomUUID } from 'node:crypto';
import { startApi } from '../../api/start.ts';
import { createApiKey, ensureTenant } from '../../db/queries/tenants/api-keys.ts';
import { openDatabase, type Database } from '../../db/connect.ts';
import { createVault } from '../../db/vault.ts';
import { scopeNames } from '../../domain/scopes.ts';
import { parseKeyRing } from '../../platform/master-keys.ts';
import { loadConfig } from '../../services/boot.ts';
import { startSandbox } from '../../sandbox/start.ts';
import { startWorker } from '../../workers/start.ts';
import { createClient, type ApiClient } from '../support/client.ts';
import { createTestDatabase, required } from '../support/database.ts';

/** A database and a sandbox; API and worker are restarted over them with different key rings. */
export interface Installation {
  db: Database;
  /** Sees every tenant's rows. */
  readerUrl: string;
  unipileUrl: string;
  settings(newest: string, older?: string): Record<string, string>;
  start(newest: string, older?: string): Promise<void>;
  stop(): Promise<void>;
  /** The API's address stays, so that providers find the next one too. */
  url(): string;
  clientOf(tenant: string): Promise<ApiClient>;
  /** Ends everything. */
  end(): Promise<void>;
}

export async function createInstallation(): Promise<Installation> {
  const [database, sandbox] = await Promise.all([createTestDatabase(), startSandbox()]);
  const db = await openDatabase(database.url, { pool: { app: 2, system: 4 } });
  const queue = `test-${randomUUID()}`;
  let url = '';
  let running: (() => Promise<void>)[] = [];
  /** Of the last start. */
  let encryptionKey = '';

  const settings = (newest: string, older = ''): Record<string, string> => ({
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
    TEMPORAL_TASK_QUEUE: queue,
    WORKFLOW_BUNDLE: required('WORKFLOW_BUNDLE'),
    ENCRYPTION_KEY: newest,
    ENCRYPTION_KEYS: older,
    UNIPILE_DSN: sandbox.unipileUrl,
    UNIPILE_ACCESS_TOKEN: 'sandbox-key',
    SANDBOX_CONTROL_URL: sandbox.controlUrl,
    LOG_LEVEL: 'silent',
    RECONCILE_INTERVAL_SECONDS: '2',
    SHUTDOWN_GRACE_SECONDS: '1',
    RATE_LIMIT_PER_MINUTE: '100000',
    ...(url ? { PUBLIC_URL: url, PORT: new URL(url).port } : { PORT: '0' }),
  });
  const stop = async (): Promise<void> => {
    for (const end of running.splice(0)) await end();
  };
  return {
    db,
    readerUrl: database.readerUrl,
    unipileUrl: sandbox.unipileUrl,
    settings,
    start: async (newest, older) => {
      encryptionKey = newest;
      const api = await startApi(loadConfig(settings(newest, older)));
      running = [() => api.close()];
      url = api.url;
      const worker = await startWorker(loadConfig(settings(newest, older)));
      running = [() => worker.stop(), ...running];
    },
    stop,
    url: () => url,
    clientOf: (tenant) =>
      db.system(async (em) => {
        const row = await ensureTenant(em, createVault(parseKeyRing(encryptionKey)), tenant, new Date());
        return createClient(url, createApiKey(em, row.id, 'test', scopeNames, new Date()).key);
      }),
    end: async () => {
      await stop();
      await sandbox.close();
      await db.close();
      await database.drop();
    },
  };
}
