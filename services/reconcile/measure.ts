import { foldAccountCounts } from '../../db/queries/health/account-counts.ts';
import { oldestTroubles } from '../../db/queries/health/trouble.ts';
import { census } from '../../db/queries/installation/census.ts';
import { visitCensus } from '../../db/queries/visits/request-visits.ts';
import { accountStates, whoNames } from '../../domain/accounts.ts';
import { bulkAccountKinds, bulkKinds } from '../../domain/bulk.ts';
import { holdReasons } from '../../domain/sends.ts';
import { stopReasons } from '../../domain/sending-stops.ts';
import { syncKinds } from '../../domain/syncs.ts';
import type { Context } from '../context.ts';
import { overdueSince } from '../health/overdue.ts';

/** How long a bulk operation may be due before it counts as overdue, in milliseconds. */
const bulkGraceMs = 600_000;
/** The same of reminders. */
const remindersGraceMs = 7_200_000;

/** Sets the gauges that count over the whole installation. */
export async function measure({ db, clock, config, metrics }: Context): Promise<void> {
  const now = clock.now();
  const ago = (ms: number): Date => new Date(now.getTime() - ms);
  const since = {
    contacts: overdueSince('contacts', now),
    tokens: overdueSince('tokens', now),
    reminders: ago(remindersGraceMs),
    bulk: ago(bulkGraceMs),
  };
  await db.system(foldAccountCounts);
  const found = await db.system((em) => census(em, now, since));
  const { accounts, overdueAttempts, refusedKeys, syncs, overdueContacts, pausedEndpoints, oldestUndelivered } = found;
  const counts = new Map<string, number>();
  for (const { state, who, accounts: n } of accounts)
    counts.set(`${state} ${who}`, (counts.get(`${state} ${who}`) ?? 0) + n);
  for (const state of accountStates)
    for (const who of whoNames) metrics.accounts.set({ state, who }, counts.get(`${state} ${who}`) ?? 0);
  const secondsSince = (time: Date | null): number => (time ? Math.max(0, now.getTime() - time.getTime()) / 1_000 : 0);
  const troubles = await db.system(oldestTroubles);
  for (const who of whoNames) metrics.troubleSeconds.set({ who }, secondsSince(troubles[who]));
  metrics.overdueTokens.set(found.overdueTokens);
  metrics.openBulkOperations.set(found.openBulk);
  metrics.overdueBulkOperations.set(found.overdueBulk);
  metrics.overdueReminders.set(found.overdueReminders);
  const held = new Map(found.heldQueues.map(({ reason, n }) => [reason, n]));
  for (const reason of holdReasons) metrics.heldQueues.set({ reason }, held.get(reason) ?? 0);
  const stopped = new Map(found.stoppedTenants.map(({ reason, n }) => [reason, n]));
  for (const reason of stopReasons) metrics.stoppedTenants.set({ reason }, stopped.get(reason) ?? 0);
  metrics.overdueAttempts.set(overdueAttempts);
  metrics.refusedKeys.set(refusedKeys);
  metrics.pausedEndpoints.set(pausedEndpoints);
  metrics.undeliveredSeconds.set(secondsSince(oldestUndelivered));
  metrics.analyticsLag.set(secondsSince(found.oldestUncounted));
  const running = new Map(syncs.map(({ kind, n }) => [kind, n]));
  for (const kind of syncKinds) metrics.runningSyncs.set({ kind }, running.get(kind) ?? 0);
  const visits = await db.system((em) => visitCensus(em, now, overdueSince('visits', now)));
  // Without the Schedule nothing is visited, as its operator wants.
  metrics.dueVisits.set({ state: 'due' }, visits.due);
  metrics.dueVisits.set({ state: 'overdue' }, config.PLATFORM_SYNC_ENABLED ? visits.overdue : 0);
  metrics.visitFindings.set({ finding: 'details_faulty' }, visits.faulty);
  metrics.visitFindings.set({ finding: 'webhook_wrong' }, visits.wrongWebhooks);
  metrics.visitFindings.set({ finding: 'silent' }, visits.silent);
  // Without the Schedule contacts stay due until a sync is requested.
  metrics.overdueContacts.set(config.WASENDER_AUTO_SYNC_ENABLED ? overdueContacts : 0);
}

/** Makes the counters exist before the first run ends: an alert sees an increase only of what it knows. */
export function startCounting({ metrics, providers }: Pick<Context, 'metrics' | 'providers'>): void {
  for (const kind of syncKinds) metrics.syncs.inc({ kind, outcome: 'succeeded' }, 0);
  for (const provider of Object.keys(providers)) metrics.tokenRenewals.inc({ provider, outcome: 'succeeded' }, 0);
  for (const provider of Object.keys(providers)) metrics.visits.inc({ provider, outcome: 'ok' }, 0);
  for (const operation of bulkKinds) metrics.bulkOperations.inc({ operation, outcome: 'done' }, 0);
  for (const operation of bulkAccountKinds)
    for (const outcome of ['done', 'failed']) metrics.bulkItems.inc({ operation, outcome }, 0);
  for (const outcome of ['reminded', 'given_up']) metrics.reminders.inc({ outcome }, 0);
  for (const kind of ['login', 'restart']) metrics.refusedLogins.inc({ kind }, 0);
  for (const outcome of ['succeeded', 'failed']) metrics.analyticsAccounts.inc({ outcome }, 0);
  for (const outcome of ['delivered', 'failed', 'dead']) metrics.deliveries.inc({ outcome }, 0);
  for (const provider of Object.keys(providers))
    for (const cause of ['missed', 'downtime']) metrics.missedWebhooks.inc({ provider, cause }, 0);
}

/** Forgets the gauges: another worker sets them now. */
export function stopMeasuring({ metrics }: Context): void {
  metrics.accounts.reset();
  metrics.troubleSeconds.reset();
  metrics.overdueAttempts.set(0);
  metrics.refusedKeys.set(0);
  metrics.runningSyncs.reset();
  metrics.overdueContacts.set(0);
  metrics.overdueTokens.set(0);
  metrics.dueVisits.reset();
  metrics.visitFindings.reset();
  metrics.openBulkOperations.set(0);
  metrics.overdueBulkOperations.set(0);
  metrics.overdueReminders.set(0);
  metrics.heldQueues.reset();
  metrics.stoppedTenants.reset();
  metrics.pausedEndpoints.set(0);
  metrics.undeliveredSeconds.set(0);
  metrics.analyticsLag.set(0);
}
