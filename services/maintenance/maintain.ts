import type { Context } from '../context.ts';
import { maintenanceParts, type MaintenancePart } from './parts.ts';

/** What one run did. */
export interface MaintenanceResult {
  /** How many things each part removed, changed or registered. */
  done: Partial<Record<MaintenancePart, number>>;
  /** Parts that failed; the worker's log says why. The next run tries them again. */
  failed: MaintenancePart[];
  /** Parts whose time was over, so that something may be left for the next run. */
  unfinished: MaintenancePart[];
}

/** How long one part may work in one run, in milliseconds. */
const partMs = 60_000;

/** Runs every part, one after the other; the failure of one part stops no other. Throws when `signal` aborts. */
export async function maintain(context: Context, now: Date, signal: AbortSignal): Promise<MaintenanceResult> {
  const { log, metrics } = context;
  const result: MaintenanceResult = { done: {}, failed: [], unfinished: [] };
  for (const name of Object.keys(maintenanceParts) as MaintenancePart[]) {
    const ends = performance.now() + partMs;
    const isOver = (): boolean => signal.aborted || performance.now() > ends;
    try {
      result.done[name] = await maintenanceParts[name]({ context, now, isOver, signal });
      if (isOver()) result.unfinished.push(name);
      metrics.maintenance.inc({ part: name, outcome: 'succeeded' });
    } catch (error) {
      signal.throwIfAborted();
      result.failed.push(name);
      log.warn({ part: name, err: error }, 'a part of the maintenance failed; the next run tries it again');
      metrics.maintenance.inc({ part: name, outcome: 'unexpected' });
    }
    signal.throwIfAborted();
  }
  return result;
}
