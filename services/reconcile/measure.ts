import { foldAccountCounts } from '../../db/queries/health/account-counts.ts';
import { census } from '../../db/queries/installation/census.ts';
import { accountStates, whoNames } from '../../domain/accounts.ts';
import { syncKinds } from '../../domain/syncs.ts';
import type { Context } from '../context.ts';
import { overdueSince } from '../health/overdue.ts';

/** Sets the gauges that count over the whole installation. */
export async function measure({ db, clock, config, metrics }: Context): Promise<void> {
  const now = clock.now();
  const since = { contacts: overdueSince('contacts', now), tokens: overdueSince('tokens', now) };
  await db.system(foldAccountCounts);
  const found = await db.system((em) => census(em, now, since));
  const { accounts, overdueAttempts, refusedKeys, syncs, overdueContacts, pausedEndpoints, oldestUndelivered } = found;
  const counts = new Map<string, number>();
  for (const { state, who, accounts: n } of accounts)
    counts.set(`${state} ${who}`, (counts.get(`${state} ${who}`) ?? 0) + n);
  for (const state of accountStates)
    for (const who of whoNames) metrics.accounts.set({ state, who }, counts.get(`${state} ${who}`) ?? 0);
  metrics.overdueTokens.set(found.overdueTokens);
  metrics.overdueAttempts.set(overdueAttempts);
  metrics.refusedKeys.set(refusedKeys);
  metrics.pausedEndpoints.set(pausedEndpoints);
  metrics.undeliveredSeconds.set(
    oldestUndelivered ? Math.max(0, now.getTime() - oldestUndelivered.getTime()) / 1_000 : 0,
  );
  const running = new Map(syncs.map(({ kind, n }) => [kind, n]));
  for (const kind of syncKinds) metrics.runningSyncs.set({ kind }, running.get(kind) ?? 0);
  // Without the Schedule contacts stay due until a sync is requested.
  metrics.overdueContacts.set(config.WASENDER_AUTO_SYNC_ENABLED ? overdueContacts : 0);
}

/** Makes the counters exist before the first run ends: an alert sees an increase only of what it knows. */
export function startCounting({ metrics, providers }: Pick<Context, 'metrics' | 'providers'>): void {
  for (const kind of syncKinds) metrics.syncs.inc({ kind, outcome: 'succeeded' }, 0);
  for (const provider of Object.keys(providers)) metrics.tokenRenewals.inc({ provider, outcome: 'succeeded' }, 0);
  for (const outcome of ['delivered', 'failed', 'dead']) metrics.deliveries.inc({ outcome }, 0);
}

/** Forgets the gauges: another worker sets them now. */
export function stopMeasuring({ metrics }: Context): void {
  metrics.accounts.reset();
  metrics.overdueAttempts.set(0);
  metrics.refusedKeys.set(0);
  metrics.runningSyncs.reset();
  metrics.overdueContacts.set(0);
  metrics.overdueTokens.set(0);
  metrics.pausedEndpoints.set(0);
  metrics.undeliveredSeconds.set(0);
}
