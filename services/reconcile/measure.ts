import { census } from '../../db/queries/installation/census.ts';
import { accountStates } from '../../domain/accounts.ts';
import type { Context } from '../context.ts';

/** Sets the gauges that count over the whole installation. */
export async function measure({ db, clock, metrics }: Context): Promise<void> {
  const { accounts, overdueAttempts, refusedKeys } = await db.system((em) => census(em, clock.now()));
  const counts = new Map(accounts.map(({ state, n }) => [state, n]));
  for (const state of accountStates) metrics.accounts.set({ state }, counts.get(state) ?? 0);
  metrics.overdueAttempts.set(overdueAttempts);
  metrics.refusedKeys.set(refusedKeys);
}

/** Forgets the gauges: another worker sets them now. */
export function stopMeasuring({ metrics }: Context): void {
  metrics.accounts.reset();
  metrics.overdueAttempts.set(0);
  metrics.refusedKeys.set(0);
}
