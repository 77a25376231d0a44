import type { FilterQuery } from '@mikro-orm/core';
import { z } from 'zod';
import { syncKinds, syncStates, type SyncKind } from '../../domain/syncs.ts';
import type { ContactTarget } from '../../db/queries/syncs/sync-target.ts';
import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { SyncRun } from '../../db/entities/events.ts';
import { cancelSyncs } from '../../db/queries/syncs/cancel-syncs.ts';
import { checkProviderName } from '../../services/provider-names.ts';
import { isId } from '../../platform/ids.ts';
import { anyConversation } from '../../services/conversations/find-conversations.ts';
import { anyAccount, ownAccount, refOf } from '../../services/accounts/find-account.ts';
import { pauseSync, resumeSync } from '../../db/queries/syncs/pause-syncs.ts';
import type { Context } from '../../services/context.ts';
import { startSync } from '../../services/signal.ts';
import { afterCursor, page, pageOf, pageQuery } from '../http/pagination.ts';
import { Problem } from '../../services/problem.ts';
import { runsAddress } from '../http/addresses.ts';
import { route, type Call } from '../http/route.ts';
import { phoneOrProblem } from '../../services/contacts/phone-or-problem.ts';
import {
  checkConversations,
  checkSyncable,
  countLeftOut,
  haveEnded,
  runsAfter,
  beginSyncs,
  canHave,
  syncableAccounts,
  type SyncRequest,
} from '../../services/syncs/start-syncs.ts';
import { syncAnswer, syncView } from '../views/sync.ts';
import { providerName } from '../views/provider-name.ts';
import { accountParams } from './accounts.ts';

const tag = 'syncs';
const kind = z.enum(syncKinds);
export const wait = z.coerce.number().min(0).max(20);
export const conversationIds = z.array(z.string()).min(1).max(100);
const waitQuery = z.object({ wait: wait.default(0).describe('Seconds to wait for the end.') });

const startOne = route({
  name: 'startSync',
  method: 'post',
  path: '/accounts/{id}/syncs',
  summary: 'Start a sync, or join the one that runs; 200 when it ended within the wait',
  tag,
  scope: 'write',
  idempotent: true,
  params: accountParams,
  query: waitQuery,
  body: z.object({
    kind: z.string().describe(`One of ${syncKinds.join(', ')}.`),
    scope: z
      .object({
        phone: z.string().max(64).optional(),
        group: z.string().min(1).max(64).optional(),
        conversation_ids: conversationIds.optional(),
      })
      .optional()
      .describe(
        'For contacts: one person by number, those of one group, or the people of some conversations. For conversations: some, by id.',
      ),
  }),
  example: { kind: 'details' },
  answer: syncAnswer,
  status: 202,
  doneStatus: 200,
  watch: (run) => runsAddress([run]),
  handle: async (call) => {
    const { context, principal, params, body } = call;
    const request = requestOf(body);
    const account = await context.db.tenant(principal.tenantId, (em) => ownAccount(em, params.id));
    return begun(call, account, request);
  },
});

/** Starts a sync of an account, and answers its run. */
async function begun(
  call: Pick<Call, 'context' | 'principal' | 'gone'> & { query: { wait: number } },
  account: Account,
  request: SyncRequest,
): Promise<{ status: number; body: z.input<typeof syncAnswer> }> {
  const { context, principal, query } = call;
  checkSyncable(context, account, request.kind);
  if (request.kind !== 'details' && request.target && 'conversation_ids' in request.target)
    await checkConversations(context, account, request.target.conversation_ids);
  const [id = ''] = await beginSyncs(context, [account], request);
  const [run] = await runsAfter(call, [id], query.wait);
  if (!run) throw new Problem('not_found', 'The account was deleted meanwhile.');
  const keys = await context.vault.keysOf(context.db, principal.tenantId);
  return { status: haveEnded([run]) ? 200 : 202, body: syncView(keys, context.clock.now())(run) };
}

export const syncConversation = route({
  name: 'syncConversation',
  method: 'post',
  path: '/conversations/{id}/syncs',
  summary: "Read a conversation's history from its provider; 200 when it ended within the wait",
  tag,
  scope: 'write',
  idempotent: true,
  params: z.object({ id: z.string().describe('The conversation.') }),
  query: waitQuery,
  answer: syncAnswer,
  status: 202,
  doneStatus: 200,
  watch: (run) => runsAddress([run]),
  handle: async (call) => {
    const { context, principal, params } = call;
    const account = await context.db.tenant(principal.tenantId, async (em) => {
      const { accountId } = await anyConversation(em, params.id);
      return ownAccount(em, accountId);
    });
    return begun(call, account, { kind: 'conversations', target: { conversation_ids: [params.id] } });
  },
});

/** The fields of a scope that a kind of sync takes. */
const allowedIn = {
  details: [],
  contacts: ['phone', 'group', 'conversation_ids'],
  conversations: ['conversation_ids'],
} as Record<SyncKind, readonly string[]>;

function requestOf({
  kind: name,
  scope = {},
}: {
  kind: string;
  scope?: Record<string, unknown> | undefined;
}): SyncRequest {
  const known = syncKinds.find((one) => one === name);
  if (!known)
    throw new Problem('unsupported', `The kind "${name}" is not available yet.`, {
      fix: `Use one of: ${syncKinds.join(', ')}.`,
    });
  const given = Object.keys(scope).filter((key) => scope[key] !== undefined);
  const allowed = allowedIn[known];
  const other = given.find((key) => !allowed.includes(key));
  if (other !== undefined)
    throw new Problem('unsupported', `scope: a sync of ${known} takes no "${other.slice(0, 40)}".`, {
      fix: allowed.length ? `Use one of: ${allowed.join(', ')}.` : 'Leave the scope out.',
    });
  if (given.length > 1) throw new Problem('invalid_request', `scope: takes one of ${allowed.join(', ')}.`);
  if (known === 'details') return { kind: known };
  const ids = scope['conversation_ids'];
  const some = Array.isArray(ids) ? { conversation_ids: [...new Set(ids as string[])] } : null;
  return known === 'contacts' ? { kind: known, target: some ?? targetIn(scope) } : { kind: known, target: some };
}

function targetIn({ phone, group }: { phone?: unknown; group?: unknown }): ContactTarget | null {
  if (typeof phone === 'string') return { phone: phoneOrProblem('scope.phone', phone) };
  return typeof group === 'string' ? { group } : null;
}

export const leftOut = z
  .number()
  .int()
  .describe('Accounts of which nothing is fetched, because they are not connected.');

export const startSyncs = route({
  name: 'startSyncs',
  method: 'post',
  path: '/syncs',
  summary: 'Sync one account, or all connected accounts that can be; 200 when all ended within the wait',
  tag,
  scope: 'write',
  idempotent: true,
  query: waitQuery,
  body: z.object({
    kind: kind.default('details'),
    account: z.string().optional(),
    provider: providerName.optional(),
    otherwise: kind.optional().describe('The kind for the named account where its channel has nothing of the first.'),
  }),
  answer: z.object({ items: z.array(syncAnswer), left_out: leftOut }),
  status: 202,
  doneStatus: 200,
  watch: ({ items }) => runsAddress(items),
  handle: async (call) => {
    const { context, principal, query, body } = call;
    checkProviderName(context, body.provider);
    const { kind, accounts, left } = await context.db.tenant(principal.tenantId, async (em) => {
      const named = body.otherwise && body.account !== undefined ? await ownAccount(em, body.account) : null;
      const isLacking = named !== null && !canHave(context.providers, named, body.kind);
      const kind = (isLacking ? body.otherwise : undefined) ?? body.kind;
      return {
        kind,
        accounts: await syncableAccounts(context, em, principal.tenantId, kind, body),
        left: await countLeftOut(context, em, kind, body),
      };
    });
    const request: SyncRequest = kind === 'details' ? { kind } : { kind, target: null };
    const ids = await beginSyncs(context, accounts, request);
    const runs = await runsAfter(call, ids, query.wait);
    return {
      status: query.wait > 0 && haveEnded(runs) ? 200 : 202,
      body: {
        items: runs.map(syncView(await context.vault.keysOf(context.db, principal.tenantId), context.clock.now())),
        left_out: left,
      },
    };
  },
});

const listQuery = { ...pageQuery, kind: kind.optional(), state: z.enum(syncStates).optional() };

const listOfAccount = route({
  name: 'listAccountSyncs',
  method: 'get',
  path: '/accounts/{id}/syncs',
  summary: 'List the syncs of an account, newest first',
  tag,
  scope: 'read',
  params: accountParams,
  query: z.object(listQuery),
  answer: pageOf(syncAnswer),
  handle: ({ context, principal, params, query }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const { id: accountId } = await anyAccount(em, params.id);
      const keys = await context.vault.keysOf(em, principal.tenantId);
      return {
        body: page(await listed(em, { ...query, accountId }), query.limit, syncView(keys, context.clock.now())),
      };
    }),
});

const listAll = route({
  name: 'listSyncs',
  method: 'get',
  path: '/syncs',
  summary: 'List syncs, newest first',
  tag,
  scope: 'read',
  query: z.object({ ...listQuery, account: z.string().optional() }),
  answer: pageOf(syncAnswer),
  handle: ({ context, principal, query: { account, ...query } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const where = account === undefined ? query : { ...query, accountId: (await anyAccount(em, account)).id };
      const keys = await context.vault.keysOf(em, principal.tenantId);
      return { body: page(await listed(em, where), query.limit, syncView(keys, context.clock.now())) };
    }),
});

interface Listing {
  limit: number;
  cursor?: string | undefined;
  accountId?: string | undefined;
  kind?: SyncRun['kind'] | undefined;
  state?: SyncRun['state'] | undefined;
}

/** One run more than asked for, by which the page knows whether another follows. */
function listed(em: Em, { limit, cursor, ...filter }: Listing): Promise<SyncRun[]> {
  const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  const where: FilterQuery<SyncRun>[] = [given, afterCursor(cursor, 'desc')];
  return em.find(SyncRun, { $and: where }, { orderBy: { id: 'desc' }, limit: limit + 1 });
}

const syncParams = z.object({ id: z.string().describe('The sync.') });

async function ownSync(em: Em, id: string): Promise<SyncRun> {
  const run = isId(id) ? await em.findOne(SyncRun, { id }) : null;
  if (!run) throw new Problem('not_found', 'There is no such sync.');
  return run;
}

const getSync = route({
  name: 'getSync',
  method: 'get',
  path: '/syncs/{id}',
  summary: 'Read a sync',
  tag,
  scope: 'read',
  params: syncParams,
  answer: syncAnswer,
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      await ownSync(em, id);
      return { body: await viewOf(context, em, id) };
    }),
});

const cancel = route({
  name: 'cancelSync',
  method: 'post',
  path: '/syncs/{id}/cancel',
  summary: 'Cancel a running sync; what it has stored stays',
  tag,
  scope: 'write',
  idempotent: true,
  params: syncParams,
  answer: syncAnswer,
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const cancelled = isId(id) && (await cancelSyncs(em, context.vault, { runId: id }, context.clock.now()));
      const { state } = await ownSync(em, id);
      if (!cancelled) throw hasEnded(state);
      return { body: await viewOf(context, em, id) };
    }),
});

const pause = route({
  name: 'pauseSync',
  method: 'post',
  path: '/syncs/{id}/pause',
  summary: 'Pause a running sync of contacts or conversations; what it has stored stays',
  tag,
  scope: 'write',
  idempotent: true,
  params: syncParams,
  answer: syncAnswer,
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const { kind: of, state } = await ownSync(em, id);
      if (of === 'details' && state === 'running')
        throw new Problem('unsupported', 'A sync of details cannot be paused.', { fix: 'Cancel it.' });
      const isPaused = await pauseSync(em, id, context.clock.now());
      const body = await viewOf(context, em, id);
      if (!isPaused) throw hasEnded(body.state);
      return { body };
    }),
});

const resume = route({
  name: 'resumeSync',
  method: 'post',
  path: '/syncs/{id}/resume',
  summary: 'Let a paused sync go on where it was',
  tag,
  scope: 'write',
  idempotent: true,
  params: syncParams,
  answer: syncAnswer,
  handle: async ({ context, principal, params: { id } }) => {
    const { account, run, body } = await context.db.tenant(principal.tenantId, async (em) => {
      const found = await ownSync(em, id);
      if (found.state !== 'running') throw hasEnded(found.state);
      await resumeSync(em, id, context.clock.now());
      const owner = await ownAccount(em, found.accountId);
      return { account: owner, run: found, body: await viewOf(context, em, id) };
    });
    // What Temporal does not take now the reconciler starts.
    await startSync(context, refOf(account), run, 'api');
    return { body };
  },
});

const hasEnded = (state: SyncRun['state']): Problem => new Problem('sync_ended', `The sync has ${state} already.`);

/** As it is in the database now: statements may have changed it. */
async function viewOf(context: Context, em: Em, id: string): Promise<z.input<typeof syncAnswer>> {
  const run = await em.findOneOrFail(SyncRun, { id }, { refresh: true });
  return syncView(await context.vault.keysOf(em, run.tenantId), context.clock.now())(run);
}

export const syncRoutes = [
  startOne,
  startSyncs,
  syncConversation,
  listAll,
  listOfAccount,
  getSync,
  cancel,
  pause,
  resume,
];
