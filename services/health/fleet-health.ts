import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { accountKinds, type AccountKind } from '../../db/queries/health/account-counts.ts';
import { dueAccounts, dueKinds, runningSyncs, type DueKind } from '../../db/queries/health/due-syncs.ts';
import { oldestUnseenEvent, owedEvents, waitingSends, type Waiting } from '../../db/queries/health/queues.ts';
import { silentAccounts } from '../../db/queries/health/silent-accounts.ts';
import {
  troubledAccounts,
  troubledStates,
  type TroubledState,
  type TroubleFilter,
  type TroublePlace,
} from '../../db/queries/health/trouble.ts';
import { endpointLag } from '../../db/queries/outgoing/endpoint-lag.ts';
import { verdictOfState, verdicts, type Verdict } from '../../domain/account-health.ts';
import { accountStates, whoNames, type Who } from '../../domain/accounts.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import type { Context } from '../context.ts';
import { isSwept, overdueSince } from './overdue.ts';

/** Whose accounts: one tenant's, or the whole installation's (null), for operators alone. */
export interface FleetRequest extends Omit<TroubleFilter, 'tenantId' | 'who'> {
  tenantId: string | null;
  /** The side that must act; both where it is left out. */
  who?: Who | undefined;
  after: TroublePlace | null;
  limit: number;
}

const dayMs = 86_400_000;

const isTroubled = (state: string): state is TroubledState => troubledStates.some((one) => one === state);
const timeOrNull = (at: Date | null): string | null => at?.toISOString() ?? null;

const sumOf = (kinds: readonly AccountKind[]): number => kinds.reduce((sum, { accounts }) => sum + accounts, 0);

/** Sums of accounts by what `of` names, the names in the order in which they are met. */
function countsBy<Name extends string>(
  kinds: readonly AccountKind[],
  names: readonly Name[],
  of: (kind: AccountKind) => string | null,
): Record<Name, number> {
  const counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
  for (const kind of kinds) {
    const name = of(kind) as Name | null;
    if (name !== null) counts[name] = (counts[name] ?? 0) + kind.accounts;
  }
  return counts;
}

/** Reasons of accounts in trouble, the most frequent first. */
function reasonsJson(kinds: readonly AccountKind[]) {
  const counts = new Map<string, { code: string; who: Who; accounts: number }>();
  for (const { state, reason, who, accounts } of kinds) {
    if (!isTroubled(state)) continue;
    const code = reason ?? 'unexpected';
    const known = counts.get(`${code} ${who}`) ?? { code, who, accounts: 0 };
    counts.set(`${code} ${who}`, { ...known, accounts: known.accounts + accounts });
  }
  return [...counts.values()]
    .toSorted((one, other) => other.accounts - one.accounts)
    .map((one) => ({ ...one, what_to_do: failureRow(asFailureCode(one.code)).whatToDo }));
}

function countsJson(kinds: readonly AccountKind[]) {
  const troubled = kinds.filter(({ state }) => isTroubled(state));
  return {
    accounts: sumOf(kinds),
    by_verdict: countsBy<Verdict>(kinds, verdicts, ({ state }) => verdictOfState[state] ?? null),
    by_state: countsBy(kinds, accountStates, ({ state }) => state),
    by_provider: countsBy<string>(kinds, [], ({ provider }) => provider),
    by_channel: countsBy<string>(kinds, [], ({ channel }) => channel),
    must_act: countsBy(troubled, whoNames, ({ who }) => who),
    reasons: reasonsJson(kinds),
  };
}

async function syncsJson(context: Context, em: Em, tenantId: string | null, now: Date) {
  const kinds = dueKinds.filter((kind) => isSwept(context, kind));
  const due = [];
  for (const kind of kinds) due.push(await dueJson(em, tenantId, kind, now));
  const running = await runningSyncs(em, tenantId);
  return { due, running: Object.fromEntries(running.map((one) => [one.kind, one.running])) };
}

async function dueJson(em: Em, tenantId: string | null, kind: DueKind, now: Date) {
  const { due, overdue, oldest, isCapped } = await dueAccounts(em, tenantId, kind, now, overdueSince(kind, now));
  return { kind, due, overdue, oldest_due_at: timeOrNull(oldest), at_least: isCapped };
}

const waitingJson = ({ waiting, oldest, isCapped }: Waiting) => ({
  waiting,
  oldest_at: timeOrNull(oldest),
  at_least: isCapped,
});

const lagOf = (oldest: Date | null, now: Date): number =>
  oldest === null ? 0 : Math.max(0, (now.getTime() - oldest.getTime()) / 1_000);

async function queuesJson({ config }: Context, em: Em, tenantId: string | null, now: Date) {
  const since = new Date(now.getTime() - config.RAW_RETENTION_DAYS * dayMs);
  const endpoints = await endpointLag(em, tenantId);
  return {
    webhook_events: waitingJson(await owedEvents(em, tenantId, since)),
    sends: waitingJson(await waitingSends(em, tenantId, now)),
    feed_lag_seconds: lagOf(await oldestUnseenEvent(em, tenantId, now), now),
    deliveries: {
      lag_seconds: lagOf(endpoints.oldest, now),
      oldest_at: timeOrNull(endpoints.oldest),
      paused_endpoints: endpoints.paused,
    },
  };
}

/** Accounts by the places that a list found, in its order; with their tenants' names for an operator. */
async function accountsAt(em: Em, places: readonly TroublePlace[], namesTenants: boolean) {
  const accounts = await em.find(Account, { id: { $in: places.map(({ id }) => id) } });
  const tenants = namesTenants ? await em.find(Tenant, { id: { $in: accounts.map(({ tenantId }) => tenantId) } }) : [];
  const byId = new Map(accounts.map((one) => [one.id, one]));
  const nameOf = new Map(tenants.map(({ id, name }) => [id, name]));
  return places.flatMap(({ id }) => {
    const account = byId.get(id);
    if (!account) return [];
    const { tenantId, provider, channel, owner, label, state, reason, who, since } = account;
    return {
      account_id: id,
      ...(namesTenants && { tenant: nameOf.get(tenantId) ?? null }),
      provider,
      channel,
      owner,
      label,
      state,
      reason,
      who,
      since: since.toISOString(),
      what_to_do: failureRow(asFailureCode(reason ?? 'unexpected')).whatToDo,
    };
  });
}

/**
 * The health of a tenant's accounts, or of the installation's, and a page of those in trouble, the longest first. `next`: where
 * the next page begins; null on the last one.
 */
export function fleetHealth(context: Context, { tenantId, who, after, limit, ...filter }: FleetRequest) {
  const work = async (em: Em) => {
    const now = context.clock.now();
    const sides: readonly Who[] = who === undefined ? ['owner', 'operator'] : [who];
    const places = await troubledAccounts(em, { ...filter, tenantId, who: sides }, after, limit + 1);
    const [oldest] = await troubledAccounts(em, { tenantId, who: whoNames }, null, 1);
    const shown = places.slice(0, limit);
    const namesTenants = tenantId === null;
    const [oldestAccount] = oldest ? await accountsAt(em, [oldest], namesTenants) : [];
    const health = {
      scope: tenantId === null ? ('installation' as const) : ('tenant' as const),
      checked_at: now.toISOString(),
      ...countsJson(await accountKinds(em, tenantId)),
      silent: await silentAccounts(em, tenantId),
      oldest_trouble: oldestAccount ?? null,
      syncs: await syncsJson(context, em, tenantId, now),
      queues: await queuesJson(context, em, tenantId, now),
      items: await accountsAt(em, shown, namesTenants),
    };
    return { health, next: places.length > limit ? (shown.at(-1) ?? null) : null };
  };
  return tenantId === null ? context.db.system(work) : context.db.tenant(tenantId, work);
}
