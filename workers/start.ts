import { countPausedTenants } from '../db/queries/tenants/paused-sending.ts';
import type { Config } from '../platform/config.ts';
import { serveMetrics } from '../platform/metrics.ts';
import { openContext, prepareInstallation } from '../services/boot.ts';
import type { Context } from '../services/context.ts';
import { startDelivering } from '../services/outgoing/deliver-events.ts';
import { takeInKeptLedger } from '../services/erasures/ledger-file-sync.ts';
import { startLedgerFile } from './ledger-file.ts';
import { startReconciling } from './reconciling.ts';
import { freeAddress, installRuntime } from './runtime.ts';
import { createWorkers, slots } from './worker.ts';

/** `stop` lets running activities finish. */
export interface RunningWorker {
  context: Context;
  done: Promise<void>;
  stop(): Promise<void>;
}

/** After a restore, before this worker takes tasks: a Temporal that was not lost has Schedules that run. */
async function pauseSchedules({ db, temporal, log }: Context): Promise<void> {
  if (!(await db.system(countPausedTenants))) return;
  await temporal
    .ensureSchedules(true)
    .catch((error: unknown) => log.warn({ err: error }, 'Schedules could not be paused; the next round tries again'));
}

/** `overrides` replaces parts of the context. */
export async function startWorker(config: Config, overrides: Partial<Context> = {}): Promise<RunningWorker> {
  let nudge = (): void => undefined;
  const database = { pool: { app: slots.activities + slots.backfill + slots.deliveries, system: 8 } };
  const kind = { name: 'worker' as const, database, onClockJump: () => nudge() };
  const { context, close } = await openContext(config, kind, overrides);
  const { db, vault, clock, metrics, log } = context;
  const sdkMetrics = config.METRICS_PORT === undefined ? undefined : await freeAddress();
  installRuntime(log, sdkMetrics);
  await prepareInstallation(context, async () => {
    if (config.ERASURE_LEDGER) await takeInKeptLedger(db, vault, config.ERASURE_LEDGER, clock.now());
  });
  const workers = await createWorkers(context);
  await pauseSchedules(context);
  const metricsServer =
    config.METRICS_PORT === undefined
      ? null
      : await serveMetrics(metrics, config.METRICS_PORT, config.METRICS_HOST, () =>
          fetch(`http://${sdkMetrics}/metrics`).then((answer) => answer.text()),
        );
  const ledgerFile = startLedgerFile(context);
  const reconciling = startReconciling(context);
  const delivering = config.WORKER_ROLES.includes('activities') ? startDelivering(context) : null;
  nudge = () => {
    reconciling.nudge();
    delivering?.nudge();
    // Their Schedules go by the machine's time.
    context.temporal.runTokens().catch((error: unknown) => log.debug({ err: error }, 'tokens are renewed later'));
    context.temporal.runPlatforms().catch((error: unknown) => log.debug({ err: error }, 'accounts are visited later'));
    context.temporal.runReminders().catch((error: unknown) => log.debug({ err: error }, 'owners are reminded later'));
  };
  const done = workers.run();
  return {
    context,
    done,
    stop: async () => {
      workers.shutdown();
      const delivered = delivering?.stop();
      // First, so that another worker reconciles while activities of this one finish.
      await reconciling.stop();
      await done;
      await delivered;
      await ledgerFile?.stop();
      metricsServer?.close();
      await workers.close();
      await close();
    },
  };
}
