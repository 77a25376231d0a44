import type { Deps } from '../activities/deps.ts';
import { saveCredentials } from '../db/credentials.ts';
import { openDatabase } from '../db/connect.ts';
import { followSandbox, systemClock } from '../platform/clock.ts';
import { providerDefaults, type Config } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics, serveMetrics } from '../platform/metrics.ts';
import { openMotion } from '../platform/temporal.ts';
import { createVault, parseKeyRing } from '../platform/vault.ts';
import { providers } from '../providers/providers.ts';
import { keepReconciling } from './reconcile.ts';
import { installRuntime } from './runtime.ts';
import { createWorker } from './worker.ts';

/** A worker process's inside: connects, polls, reconciles. `stop` lets running activities finish. */
export async function startWorker(config: Config): Promise<{ stop(): Promise<void>; done: Promise<void>; deps: Deps }> {
  const log = createLog('worker', config.LOG_LEVEL);
  installRuntime(log);
  const vault = createVault(parseKeyRing(config.ENCRYPTION_KEY, config.ENCRYPTION_KEYS));
  const db = await openDatabase(config.DATABASE_URL, { app: 12, system: 6 });
  const motion = openMotion(config, vault);
  const metrics = createMetrics();
  let nudge = (): void => undefined;
  const clock = config.SANDBOX_CONTROL_URL ? followSandbox(config.SANDBOX_CONTROL_URL, () => nudge()) : systemClock;
  const deps: Deps = {
    db,
    vault,
    clock,
    log,
    metrics,
    providers,
    publicUrl: config.PUBLIC_URL,
    tellConnection: (account) => motion.tellConnection(account, 5_000),
  };
  await db.system(async (em) => {
    for (const [provider, settings] of Object.entries(providerDefaults(config)))
      await saveCredentials(em, vault, clock.now(), null, provider, settings ?? {});
  });
  const { worker, connection } = await createWorker(config, deps);
  const metricsServer = config.METRICS_PORT === undefined ? null : await serveMetrics(metrics, config.METRICS_PORT);
  const reconciler = keepReconciling(deps, motion, config.RECONCILE_INTERVAL_SECONDS * 1000);
  nudge = reconciler.nudge;
  const done = worker.run();
  return {
    deps,
    done,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await done;
      await reconciler.stop();
      if ('stop' in clock) (clock as { stop(): void }).stop();
      metricsServer?.close();
      await motion.close();
      await connection.close();
      await db.close();
    },
  };
}
