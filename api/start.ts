import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { DatabaseUse } from '../db/connect.ts';
import type { Config } from '../platform/config.ts';
import { serveMetrics } from '../platform/metrics.ts';
import { openContext, prepareInstallation } from '../services/boot.ts';
import type { Context } from '../services/context.ts';
import { erasuresToRepeat, takeInKeptLedger } from '../services/erasures/ledger-file-sync.ts';
import { createMessageDrain } from '../services/webhooks/message-drain.ts';
import { startUptime, type UptimeNotes } from '../services/webhooks/intake-uptime.ts';
import { createSignaller } from '../services/webhooks/signaller.ts';
import { createApp } from './app.ts';
import { serveUpgrades } from './realtime/upgrades.ts';
import { createHttpServer, type Patience } from './http/server.ts';

/** A running API. `close` stops accepting, lets requests finish within the grace, and lets go of everything. */
export interface RunningApi {
  url: string;
  context: Context;
  close(): Promise<void>;
}

/** One tenant takes half of the application's connections at most, and a request waits seconds for a lock, not for ever. */
const database: DatabaseUse = {
  pool: { app: 10, system: 4, intake: 6, authentication: 2 },
  tenantShare: 5,
  statementMs: 30_000,
  lockMs: 3_000,
};

/** Starts an API process. `overrides` replaces parts of the context. PORT 0 takes a free port. */
export async function startApi(
  config: Config,
  overrides: Partial<Context> = {},
  patience?: Patience,
): Promise<RunningApi> {
  let uptime: UptimeNotes | null = null;
  const kind = { name: 'api', database, listens: true, onClockJump: () => uptime?.note() } as const;
  const { context, stop, close } = await openContext(config, kind, overrides);
  const { log, metrics } = context;
  try {
    await prepareInstallation(context, async () => {
      if (config.ERASURE_LEDGER) await replayLedger(context, config.ERASURE_LEDGER);
    });
    const server = createHttpServer(config, patience);
    await listen(server, config);
    const url = `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${(server.address() as AddressInfo).port}`;
    // A port that was found by itself is known only now.
    if (config.PORT === 0 && !overrides.publicUrl) context.publicUrl = url;
    const signaller = createSignaller(context);
    const messages = createMessageDrain(context);
    // What a process left owed that was killed.
    messages.wake();
    const app = createApp(context, signaller, messages);
    server.on('request', app);
    serveUpgrades(server, app);
    uptime = startUptime(context);
    const metricsServer =
      config.METRICS_PORT === undefined ? null : await serveMetrics(metrics, config.METRICS_PORT, config.METRICS_HOST);
    log.info({ url }, 'api ready');
    return {
      url,
      context,
      close: async () => {
        stop();
        await uptime?.stop();
        await closeServer(server, config.SHUTDOWN_GRACE_SECONDS * 1000);
        await Promise.race([Promise.all([signaller.idle(), messages.idle()]), pause(1_500, undefined, { ref: false })]);
        metricsServer?.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** After a restore nothing is answered until workers have repeated every erasure in the ledger. */
async function replayLedger({ db, vault, clock, log }: Context, file: string): Promise<void> {
  await takeInKeptLedger(db, vault, file, clock.now());
  for (let told = 0; ;) {
    const left = await erasuresToRepeat(db);
    if (!left) return;
    if (left !== told) log.warn({ left }, 'waiting until workers have repeated the erasures in the ledger');
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
  // A connection is idle again once its last answer is sent, and would be kept.
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  const grace = new AbortController();
  await Promise.race([closed, pause(graceMs, undefined, { signal: grace.signal }).catch(() => undefined)]);
  grace.abort();
  clearInterval(idle);
  server.closeAllConnections();
  await closed;
}
