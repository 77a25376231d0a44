import { openAdvisoryLock } from '../db/advisory-lock.ts';
import { countPausedTenants } from '../db/queries/tenants/paused-sending.ts';
import type { Context } from '../services/context.ts';
import { probeRefusedKeys } from '../services/accounts/refused-keys.ts';
import { requestMaintenance } from '../services/maintenance/request-maintenance.ts';
import { createReconciler } from '../services/reconcile/reconcile.ts';
import { measure, startCounting, stopMeasuring } from '../services/reconcile/measure.ts';
import { startLoop, type Loop } from './loop.ts';

const ensureEveryMs = 600_000;
/** How often the leader counts accounts by state, in milliseconds. */
const measureEveryMs = 60_000;

/**
 * The worker that holds a lock in PostgreSQL reconciles; when it dies, another takes the lock within one interval. Two
 * leaders for a moment, as after a lost connection, do no harm: repairs are idempotent. `nudge` is for a clock that
 * jumped.
 */
export function startReconciling(context: Context): Loop {
  const { config, db, clock, log, metrics, temporal } = context;
  const intervalMs = config.RECONCILE_INTERVAL_SECONDS * 1000;
  const lock = openAdvisoryLock(config.DATABASE_URL, 'reconciler');
  const reconciler = createReconciler(context, intervalMs);
  startCounting(context);
  let leads = false;
  let stopping = false;
  let isMaintenanceDue = false;
  let ensuredAt: number | null = null;

  const lead = async (): Promise<void> => {
    const hasLock = await lock.hold().catch((error: unknown) => {
      log.warn({ err: error }, 'the lock of the reconciler cannot be asked for');
      return false;
    });
    if (hasLock !== leads) log.info(hasLock ? 'this worker reconciles now' : 'this worker no longer reconciles');
    if (hasLock && !leads) isMaintenanceDue = true;
    leads = hasLock;
    metrics.reconciling.set(hasLock ? 1 : 0);
  };
  // Every worker once, since its settings may be newer than the leader's; the leader repeatedly.
  const ensure = async (): Promise<void> => {
    const now = clock.now().getTime();
    if (ensuredAt !== null && (!leads || now - ensuredAt < ensureEveryMs)) return;
    try {
      await temporal.ensureSearchAttributes();
      await temporal.ensureSchedules((await db.system(countPausedTenants)) > 0);
      ensuredAt = now;
    } catch (error) {
      log.warn({ err: error }, 'making the Schedules and search attributes failed; the next round tries again');
    }
  };
  const probe = async (): Promise<void> => {
    try {
      if (leads) await probeRefusedKeys(context);
    } catch (error) {
      log.warn({ err: error }, 'refused keys could not be probed; the next round tries again');
    }
  };
  const count = async (): Promise<void> => {
    try {
      if (leads) await measure(context);
      else stopMeasuring(context);
    } catch (error) {
      log.warn({ err: error }, 'the gauges of the installation could not be set');
    }
  };
  // Loops of their own: a provider or a Temporal that answers slowly does not delay the repairs.
  const probing = startLoop(intervalMs, probe);
  const counting = startLoop(Math.max(intervalMs, measureEveryMs), count);
  const ensuring = startLoop(intervalMs, async () => {
    await ensure();
    if (!leads || !isMaintenanceDue) return;
    isMaintenanceDue = false;
    await requestMaintenance(context);
  });
  const repairing = startLoop(intervalMs, async () => {
    const led = leads;
    await lead();
    if (led !== leads) counting.nudge();
    if (!leads) isMaintenanceDue = false;
    else if (isMaintenanceDue) ensuring.nudge();
    if (leads) await reconciler.round(() => stopping);
  });
  return {
    nudge: () => {
      isMaintenanceDue = true;
      repairing.nudge();
    },
    stop: async () => {
      stopping = true;
      await Promise.all([repairing.stop(), ensuring.stop(), probing.stop(), counting.stop()]);
      await lock.release();
    },
  };
}
