import type { Deps } from '../activities/deps.ts';
import { registerOwed } from '../activities/webhooks.ts';
import { saveInstallationCredentials } from '../db/credentials.ts';
import { openDatabase } from '../db/connect.ts';
import { applyRetention } from '../db/queries/apply-retention.ts';
import { takeInKeptLedger } from '../db/privacy/kept-ledger.ts';
import { ensureLedgerKey } from '../db/privacy/ledger-key.ts';
import { requireUsedKeys } from '../db/used-keys.ts';
import { followSandbox, systemClock } from '../platform/clock.ts';
import { providerDefaults, type Config } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics, serveMetrics } from '../platform/metrics.ts';
import { openMotion } from '../platform/temporal.ts';
import { createVault, parseKeyRing } from '../platform/vault.ts';
import { providers } from '../providers/providers.ts';
import { keepPrivacy } from './privacy.ts';
import { keepReconciling } from './reconcile.ts';
import { countProviderCalls } from './count-provider-calls.ts';
import { freeAddress, installRuntime } from './runtime.ts';
import { createWorkers, slots } from './worker.ts';

/** A worker process's inside: connects, polls, reconciles. `stop` lets running activities finish. */
export async function startWorker(config: Config): Promise<{ stop(): Promise<void>; done: Promise<void>; deps: Deps }> {
  const log = createLog('worker', config.LOG_LEVEL);
  const sdkMetrics = config.METRICS_PORT === undefined ? undefined : await freeAddress();
  installRuntime(log, sdkMetrics);
  const vault = createVault(parseKeyRing(config.ENCRYPTION_KEY, config.ENCRYPTION_KEYS));
  const db = await openDatabase(config.DATABASE_URL, { app: slots.activities + slots.backfill, system: 6 });
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
    providers: countProviderCalls(providers, metrics),
    publicUrl: config.PUBLIC_URL,
    tellConnection: (account) => motion.tellConnection(account, 5_000),
    startSyncContacts: motion.startSyncContacts,
    contactsEveryMs: config.WASENDER_SYNC_INTERVAL_HOURS * 3_600_000,
  };
  await requireUsedKeys(db, vault);
  await saveInstallationCredentials(db, vault, clock.now(), providerDefaults(config));
  if (config.ERASURE_LEDGER) await takeInKeptLedger(db, vault, config.ERASURE_LEDGER, clock.now());
  await ensureLedgerKey(db, vault, clock.now());
  const workers = await createWorkers(config, deps);
  const metricsServer =
    config.METRICS_PORT === undefined
      ? null
      : await serveMetrics(metrics, config.METRICS_PORT, config.METRICS_HOST, () =>
          fetch(`http://${sdkMetrics}/metrics`).then((answer) => answer.text()),
        );
  const privacyRound = keepPrivacy({ db, clock, log, motion }, config);
  const reconciler = keepReconciling({ db, clock, log, motion }, config.RECONCILE_INTERVAL_SECONDS * 1000, async () => {
    await registerOwed(deps);
    const before = new Date(clock.now().getTime() - config.RAW_RETENTION_DAYS * 86_400_000);
    await db.system((em) => applyRetention(em, before));
    await privacyRound();
  });
  nudge = reconciler.nudge;
  const done = workers.run();
  return {
    deps,
    done,
    stop: async () => {
      workers.shutdown();
      await done;
      await reconciler.stop();
      clock.stop?.();
      metricsServer?.close();
      await motion.close();
      await workers.close();
      await db.close();
    },
  };
}
