import { isWorking, workingReasons } from '../../domain/accounts.ts';
import { newRun, type ContactTarget, type ConversationTarget } from '../../db/queries/syncs/sync-target.ts';
import { forgetHistory } from '../../db/queries/syncs/conversation-history.ts';
import type { Em } from '../../db/connect.ts';
import { credentialsFor } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Conversation } from '../../db/entities/conversations.ts';
import { SyncRun } from '../../db/entities/events.ts';
import { requestVisits } from '../../db/queries/visits/request-visits.ts';
import { openRuns, type NewRun } from '../../db/queries/syncs/open-runs.ts';
import { changeTopics } from '../../domain/change-topics.ts';
import type { ProviderName } from '../../domain/channels.ts';
import { ownAccount, refOf } from '../accounts/find-account.ts';
import { credentialsOrProblem } from '../connections/new-attempt.ts';
import type { Context } from '../context.ts';
import type { Principal } from '../principal.ts';
import { Problem } from '../problem.ts';
import { startOpenedSyncs, startSync } from '../signal.ts';
import { isId } from '../../platform/ids.ts';
import { pollUntil } from '../../platform/poll-until.ts';
import { keepsHistory, withContacts, withHistory } from '../provider-names.ts';

/** What a sync is to fetch. */
export type SyncRequest =
  | { kind: 'details' }
  | { kind: 'contacts'; target: ContactTarget | null }
  | { kind: 'conversations'; target: ConversationTarget | null };

/** What an account needs for a sync of a kind, beside a login. */
const needs = {
  details: { providers: null, isActive: false, lacks: '' },
  contacts: { providers: withContacts, isActive: true, lacks: 'gives out no contacts' },
  conversations: { providers: withHistory, isActive: true, lacks: 'keeps no history of conversations' },
} as const;

/** Runs opened in one transaction. */
const opensAtOnce = 500;
/** Up to this many workflows are started by the request itself; more are started by a workflow. */
const startsInRequest = 5;

/**
 * Opens a run for each account, in batches, and has them started; returns the ids. What Temporal does not take now the
 * reconciler starts.
 */
export async function beginSyncs(
  context: Context,
  accounts: readonly Account[],
  request: SyncRequest,
): Promise<string[]> {
  const { db, vault, clock } = context;
  const tenantId = accounts[0]?.tenantId;
  if (tenantId === undefined) return [];
  const keys = await vault.keysOf(db, tenantId);
  const target = request.kind === 'details' ? null : request.target;
  const conversations = request.kind === 'conversations' && request.target ? request.target.conversation_ids : null;
  const runs = accounts.map((account) => ({ account, run: newRun(keys, account.id, target) }));
  const ids: string[] = [];
  for (let from = 0; from < runs.length; from += opensAtOnce) {
    const batch = runs.slice(from, from + opensAtOnce).map(({ run }) => run);
    const opened = await db.tenant(tenantId, async (em) => {
      // What is asked for by name is read anew, whatever was read of it.
      if (conversations) await forgetHistory(em, { conversations });
      return openRuns(em, request.kind, batch, clock.now());
    });
    ids.push(...opened);
  }
  // The rest of a visit follows soon: what is asked for is of interest now.
  if (accounts.length <= startsInRequest && request.kind !== 'contacts')
    await db.tenant(tenantId, (em) =>
      requestVisits(
        em,
        accounts.map(({ id }) => id),
        clock.now(),
      ),
    );
  await startRuns(context, tenantId, request.kind, runs);
  return ids;
}

/** A run that stands in PostgreSQL, with its account. */
export interface OpenedRun {
  account: Account;
  run: NewRun;
}

/** Has opened runs of a tenant started. */
export async function startRuns(
  context: Context,
  tenantId: string,
  kind: SyncRequest['kind'],
  runs: readonly OpenedRun[],
): Promise<void> {
  if (runs.length > startsInRequest) {
    await startOpenedSyncs(context, { tenantId, kind }, 'api');
    return;
  }
  for (const { account, run } of runs)
    if (!(await startSync(context, refOf(account), { kind, scope: run.scope }, 'api'))) return;
}

/** The runs by id; waits up to `seconds` for all of them to end. */
export function runsAfter(
  { context, principal, gone }: { context: Context; principal: Principal; gone: AbortSignal },
  ids: readonly string[],
  seconds: number,
): Promise<SyncRun[]> {
  const read = () =>
    context.db.tenant(principal.tenantId, (em) =>
      em.find(SyncRun, { id: { $in: [...ids] } }, { orderBy: { id: 'asc' } }),
    );
  const wait = { tenantId: principal.tenantId, topics: ids.map(changeTopics.sync), seconds, gone };
  return pollUntil(context.changes, wait, read, haveEnded);
}

export const haveEnded = (runs: readonly SyncRun[]): boolean => runs.every(({ state }) => state !== 'running');

/** Refuses what an account cannot have synced, now or ever. */
export function checkSyncable({ providers }: Context, account: Account, request: SyncRequest['kind']): void {
  const { isActive, lacks } = needs[request];
  const able = ableTo(providers, request);
  if (able && !able.includes(account.provider)) throw cannot(account.provider, lacks, able);
  if (!canHave(providers, account, request))
    throw new Problem('unsupported', `${account.provider} ${lacks} on ${account.channel}.`);
  if (!account.providerAccountId || (isActive && !isWorking(account))) throw new Problem('account_not_connected');
}

/** Whether the account's provider has what a kind of sync reads, on its channel. */
export const canHave = (
  providers: Context['providers'],
  account: Pick<Account, 'provider' | 'channel'>,
  kind: SyncRequest['kind'],
): boolean =>
  (ableTo(providers, kind)?.includes(account.provider) ?? true) &&
  (kind !== 'conversations' || keepsHistory(providers[account.provider], account.channel));

/** 404 where one of the conversations is not the account's. */
export async function checkConversations({ db }: Context, account: Account, ids: readonly string[]): Promise<void> {
  const known = ids.filter(isId);
  const found = await db.tenant(account.tenantId, (em) =>
    em.count(Conversation, { id: { $in: known }, accountId: account.id }),
  );
  if (found < ids.length) throw new Problem('not_found', 'There is no such conversation of this account.');
}

const cannot = (provider: ProviderName, lacks: string, able: readonly ProviderName[]): Problem =>
  new Problem('unsupported', `${provider} ${lacks}.`, { fix: `Use accounts at: ${able.join(', ')}.` });

/** The providers that have what a kind of sync reads; null where all do. */
const ableTo = (providers: Context['providers'], kind: SyncRequest['kind']): ProviderName[] | null =>
  needs[kind].providers?.(providers) ?? null;

/**
 * The connected accounts of the tenant that can have this synced, or the one that is named, which must. 503 when the
 * credentials of every provider in question are missing.
 */
export async function syncableAccounts(
  context: Context,
  em: Em,
  tenantId: string,
  kind: SyncRequest['kind'],
  { account, provider }: { account?: string | undefined; provider?: ProviderName | undefined },
): Promise<Account[]> {
  if (account !== undefined) {
    const named = await ownAccount(em, account);
    if (provider && named.provider !== provider)
      throw new Problem('invalid_request', `account: lives at ${named.provider}, not at ${provider}.`);
    checkSyncable(context, named, kind);
    return [named];
  }
  const where = { ...ofAll(context, kind, provider), ...connected(kind) };
  const able = ableTo(context.providers, kind);
  if (!able) return em.find(Account, where, { orderBy: { id: 'asc' } });
  const names = able.filter((name) => !provider || name === provider);
  if (provider && !names.length) throw cannot(provider, needs[kind].lacks, able);
  const configured = await Promise.all(names.map((name) => credentialsFor(em, tenantId, name)));
  // Says which settings are missing.
  if (names[0] && configured.every((one) => one === null)) await credentialsOrProblem(em, tenantId, names[0]);
  return em.find(Account, where, { orderBy: { id: 'asc' } });
}

/** How many accounts a sync of all leaves out because they are not connected, whatever their state. */
export function countLeftOut(
  context: Context,
  em: Em,
  kind: SyncRequest['kind'],
  { account, provider }: { account?: string | undefined; provider?: ProviderName | undefined },
): Promise<number> {
  if (account !== undefined) return Promise.resolve(0);
  return em.count(Account, { ...ofAll(context, kind, provider), $not: connected(kind) });
}

/** Accounts that a sync of all is about. */
function ofAll({ providers }: Context, kind: SyncRequest['kind'], provider?: ProviderName) {
  const able = ableTo(providers, kind);
  return {
    mergedInto: null,
    ...(provider ? { provider } : {}),
    ...(able ? { $and: [{ provider: { $in: able } }, ...withoutHistory(providers, kind)] } : {}),
  };
}

/** Leaves out channels whose history their provider does not keep. */
const withoutHistory = (providers: Context['providers'], kind: SyncRequest['kind']) =>
  kind === 'conversations'
    ? Object.values(providers).flatMap(({ name, conversations }) =>
        conversations?.history ? [{ $not: { provider: name, channel: { $nin: [...conversations.history] } } }] : [],
      )
    : [];

const working = [{ state: 'active' as const }, { state: 'degraded' as const, reason: { $in: [...workingReasons] } }];

/** Those of them that can be synced now. */
const connected = (kind: SyncRequest['kind']) => ({
  providerAccountId: { $ne: null },
  ...(needs[kind].isActive ? { $or: working } : {}),
});
