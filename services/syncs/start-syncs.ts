import { newRun, type SyncTarget } from '../../db/queries/syncs/open-contacts-run.ts';
import type { Em } from '../../db/connect.ts';
import { credentialsFor } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { SyncRun } from '../../db/entities/events.ts';
import { openRuns } from '../../db/queries/syncs/open-runs.ts';
import { changeTopics } from '../../domain/change-topics.ts';
import type { ProviderName } from '../../domain/channels.ts';
import { ownAccount, refOf } from '../accounts/find-account.ts';
import { credentialsOrProblem } from '../connections/new-attempt.ts';
import type { Context } from '../context.ts';
import type { Principal } from '../principal.ts';
import { Problem } from '../problem.ts';
import { startContactsSync, startDetailsSync, startOpenedSyncs } from '../signal.ts';
import { pollUntil } from '../../platform/poll-until.ts';
import { withContacts } from '../provider-names.ts';

/** What a sync is to fetch. */
export type SyncRequest = { kind: 'details' } | { kind: 'contacts'; target: SyncTarget | null };

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
  const target = request.kind === 'contacts' ? request.target : null;
  const runs = accounts.map(({ id }) => newRun(keys, id, target));
  const ids: string[] = [];
  for (let from = 0; from < runs.length; from += opensAtOnce) {
    const batch = runs.slice(from, from + opensAtOnce);
    ids.push(...(await db.tenant(tenantId, (em) => openRuns(em, request.kind, batch, clock.now()))));
  }
  if (accounts.length > startsInRequest) {
    await startOpenedSyncs(context, { tenantId, kind: request.kind }, 'api');
    return ids;
  }
  const scope = runs[0]?.scope ?? '';
  for (const account of accounts) {
    const ref = refOf(account);
    const taken = await (request.kind === 'details'
      ? startDetailsSync(context, ref, 'api')
      : startContactsSync(context, ref, scope, 'api'));
    if (!taken) break;
  }
  return ids;
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
  if (request === 'contacts' && !providers[account.provider]?.contacts)
    throw new Problem('unsupported', `${account.provider} gives out no contacts.`, {
      fix: `Sync contacts of accounts at: ${withContacts(providers).join(', ')}.`,
    });
  if (!account.providerAccountId || (request === 'contacts' && account.state !== 'active'))
    throw new Problem('account_not_connected');
}

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
  if (kind === 'details') return em.find(Account, where, { orderBy: { id: 'asc' } });
  const names = withContacts(context.providers).filter((name) => !provider || name === provider);
  if (provider && !names.length)
    throw new Problem('unsupported', `${provider} gives out no contacts.`, {
      fix: `Use one of: ${withContacts(context.providers).join(', ')}.`,
    });
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
const ofAll = ({ providers }: Context, kind: SyncRequest['kind'], provider?: ProviderName) => ({
  mergedInto: null,
  ...(provider ? { provider } : {}),
  ...(kind === 'contacts' ? { $and: [{ provider: { $in: withContacts(providers) } }] } : {}),
});

/** Those of them that can be synced now. */
const connected = (kind: SyncRequest['kind']) => ({
  providerAccountId: { $ne: null },
  ...(kind === 'contacts' ? { state: 'active' as const } : {}),
});
