import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../db/connect.ts';
import { saveInstallationCredentials } from '../db/credentials.ts';
import { erasuresToRepeat, takeInKeptLedger } from '../db/privacy/kept-ledger.ts';
import { ensureLedgerKey } from '../db/privacy/ledger-key.ts';
import { requireUsedKeys } from '../db/used-keys.ts';
import { followSandbox, systemClock } from '../platform/clock.ts';
import { providerDefaults, type Config } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics, serveMetrics } from '../platform/metrics.ts';
import { openMotion } from '../platform/temporal.ts';
import { createVault, parseKeyRing } from '../platform/vault.ts';
// oxlint-disable-next-line no-restricted-imports -- the process' entry hands the providers to the context
import { providers } from '../providers/providers.ts';
import { createApp } from './app.ts';
import type { ApiContext } from './context.ts';
import { createHttpServer, type Patience } from './http/server.ts';
import { createSignaller } from './webhooks/signaller.ts';

/** A running API. `close` stops accepting, lets requests finish within the grace, and lets go of everything. */
export interface RunningApi {
  url: string;
  context: ApiContext;
  close(): Promise<void>;
}

/** Starts an API process' inside. `parts` replaces parts of the context. PORT 0 takes a free port. */
export async function startApi(
  config: Config,
  parts: Partial<ApiContext> = {},
  patience?: Patience,
): Promise<RunningApi> {
  const log = createLog('api', config.LOG_LEVEL);
  const vault = createVault(parseKeyRing(config.ENCRYPTION_KEY, config.ENCRYPTION_KEYS));
  const db = await openDatabase(config.DATABASE_URL, { app: 10, system: 6 });
  const clock = config.SANDBOX_CONTROL_URL ? followSandbox(config.SANDBOX_CONTROL_URL) : systemClock;
  const motion = openMotion(config, vault);
  const metrics = createMetrics();
  const stopping = new AbortController();
  const context: ApiContext = {
    config,
    db,
    vault,
    clock,
    log,
    metrics,
    motion,
    providers,
    publicUrl: config.PUBLIC_URL.replace(/\/$/, ''),
    stopping: stopping.signal,
    ...parts,
  };
  const release = async (): Promise<void> => {
    clock.stop?.();
    await motion.close();
    await db.close();
  };

  try {
    await requireUsedKeys(db, vault);
    await saveInstallationCredentials(db, vault, clock.now(), providerDefaults(config));
    if (config.ERASURE_LEDGER) await replayLedger(context, config.ERASURE_LEDGER);
    await ensureLedgerKey(db, vault, clock.now());
    const server = createHttpServer(patience);
    await listen(server, config);
    const url = `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${(server.address() as AddressInfo).port}`;
    // A port that was found by itself is known only now.
    if (config.PORT === 0 && !parts.publicUrl) context.publicUrl = url;
    const signaller = createSignaller(context);
    server.on('request', createApp(context, signaller));
    const metricsServer =
      config.METRICS_PORT === undefined ? null : await serveMetrics(metrics, config.METRICS_PORT, config.METRICS_HOST);
    log.info({ url }, 'api ready');
    return {
      url,
      context,
      close: async () => {
        stopping.abort();
        await closeServer(server, config.SHUTDOWN_GRACE_SECONDS * 1000);
        await Promise.race([signaller.idle(), pause(1_500, undefined, { ref: false })]);
        metricsServer?.close();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** After a restore nothing is answered before everybody is erased again whom the ledger names; workers do that. */
async function replayLedger({ db, vault, clock, log }: ApiContext, file: string): Promise<void> {
  await takeInKeptLedger(db, vault, file, clock.now());
  for (let told = 0; ;) {
    const left = await erasuresToRepeat(db);
    if (!left) return;
    if (left !== told) log.warn({ left }, 'waiting until workers have erased again whom the ledger names');
    told = left;
    await pause(250);
  }
}

const listen = (server: Server, { HOST, PORT }: Config): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(PORT, HOST, resolve);
  });

/** Requests in flight may finish within the grace; then their connections are cut. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const grace = new AbortController();
  await Promise.race([closed, pause(graceMs, undefined, { signal: grace.signal }).catch(() => undefined)]);
  grace.abort();
  server.closeAllConnections();
  await closed;
}
