import type { Context } from '../context.ts';

/**
 * Has the maintenance run now, or once more after the run that is under way. Best effort: it also runs every minute by
 * its Schedule.
 */
export async function requestMaintenance({ temporal, log }: Pick<Context, 'temporal' | 'log'>): Promise<void> {
  try {
    await temporal.runMaintenance();
  } catch (error) {
    log.warn({ err: error }, 'Temporal did not start the maintenance; its Schedule will');
  }
}
