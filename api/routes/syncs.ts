import { z } from 'zod';
import type { Account } from '../../db/entities/accounts.ts';
import { Account as AccountEntity } from '../../db/entities/accounts.ts';
import { SyncRun } from '../../db/entities/events.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import { openDetailsRun } from '../../db/queries/open-details-run.ts';
import { isId } from '../../platform/ids.ts';
import { anyAccount, ownAccount, refOf } from '../connection/find.ts';
import type { ApiContext } from '../context.ts';
import { afterCursor, page, pageOf, pageQuery, time, wireTime, wireTimeOrNull } from '../http/lists.ts';
import { Problem } from '../http/problem.ts';
import { route, type Call } from '../http/route.ts';
import { lookUntil } from '../http/wait.ts';
import { accountParams } from './accounts.ts';

const tag = 'syncs';
/** Kinds that this version runs. */
const kinds = ['details'];

export const syncAnswer = z
  .object({
    id: z.string(),
    account_id: z.string(),
    kind: z.string(),
    state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
    progress: z.number().min(0).max(1).describe('The part that is done.'),
    stats: z.record(z.string(), z.unknown()),
    reason: z.string().nullable().describe('Why it failed.'),
    what_to_do: z.string().nullable(),
    started_at: time,
    ended_at: time.nullable(),
  })
  .meta({ id: 'SyncRun' });

const syncView = (run: SyncRun): z.input<typeof syncAnswer> => ({
  id: run.id,
  account_id: run.accountId,
  kind: run.kind,
  state: run.state,
  progress: run.state === 'running' ? 0 : 1,
  stats: run.stats,
  reason: run.reason,
  what_to_do: run.reason === null ? null : failureRow(asFailureCode(run.reason)).whatToDo,
  started_at: wireTime(run.startedAt),
  ended_at: wireTimeOrNull(run.endedAt),
});

const startSync = route({
  method: 'post',
  path: '/accounts/{id}/syncs',
  summary: 'Start a sync, or join the one that runs',
  tag,
  scope: 'write',
  idempotent: true,
  params: accountParams,
  query: z.object({ wait: z.coerce.number().min(0).max(20).default(0).describe('Seconds to wait for the end.') }),
  body: z.object({ kind: z.string(), scope: z.record(z.string(), z.unknown()).optional() }),
  answer: syncAnswer,
  status: 202,
  handle: async (call) => {
    const { context, principal, params, query, body, gone } = call;
    if (!kinds.includes(body.kind))
      throw new Problem('unsupported', `The kind "${body.kind}" is not available yet.`, {
        fix: `Use one of: ${kinds.join(', ')}.`,
      });
    const account = await context.db.tenant(principal.tenantId, (em) => ownAccount(em, params.id));
    if (!account.providerAccountId) throw new Problem('account_not_connected');
    const id = await startDetails(context, account);
    const look = () => context.db.tenant(principal.tenantId, (em) => em.findOneOrFail(SyncRun, { id }));
    return { body: syncView(await lookUntil(query.wait, gone, look, ({ state }) => state !== 'running')) };
  },
});

/** Opens the account's details run and moves it; when Temporal does not take it now, the reconciler starts it later. */
async function startDetails(context: ApiContext, account: Account): Promise<string> {
  const id = await context.db.tenant(account.tenantId, (em) =>
    openDetailsRun(em, account.tenantId, account.id, context.clock.now()),
  );
  try {
    await context.motion.startSyncDetails(refOf(account));
  } catch (error) {
    context.log.warn({ account: account.id, err: error }, 'a sync could not be started; the reconciler will');
  }
  return id;
}

/** The details of one account, or of every connected one of the tenant. */
const syncAllDetails = async ({ context, principal }: Call, accountId: string | undefined): Promise<SyncRun[]> => {
  const accounts = await context.db.tenant(principal.tenantId, async (em) => {
    if (accountId === undefined) return em.find(AccountEntity, { mergedInto: null, providerAccountId: { $ne: null } });
    const account = await ownAccount(em, accountId);
    if (!account.providerAccountId) throw new Problem('account_not_connected');
    return [account];
  });
  const ids: string[] = [];
  for (const account of accounts) ids.push(await startDetails(context, account));
  return context.db.tenant(principal.tenantId, (em) =>
    em.find(SyncRun, { id: { $in: ids } }, { orderBy: { id: 'asc' } }),
  );
};

export const startSyncs = route({
  method: 'post',
  path: '/syncs',
  summary: 'Collect the details of one account, or of all connected accounts',
  tag,
  scope: 'write',
  idempotent: true,
  body: z.object({ kind: z.literal('details').default('details'), account: z.string().optional() }),
  answer: z.object({ items: z.array(syncAnswer) }),
  status: 202,
  handle: async (call) => ({ body: { items: (await syncAllDetails(call, call.body.account)).map(syncView) } }),
});

const listSyncs = route({
  method: 'get',
  path: '/accounts/{id}/syncs',
  summary: 'List the syncs of an account, newest first',
  tag,
  scope: 'read',
  params: accountParams,
  query: z.object(pageQuery),
  answer: pageOf(syncAnswer),
  handle: ({ context, principal, params, query: { limit, cursor } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const { id: accountId } = await anyAccount(em, params.id);
      const where = { $and: [{ accountId }, afterCursor(cursor, 'desc')] };
      const found = await em.find(SyncRun, where, { orderBy: { id: 'desc' }, limit: limit + 1 });
      return { body: page(found, limit, syncView) };
    }),
});

const getSync = route({
  method: 'get',
  path: '/syncs/{id}',
  summary: 'Read a sync',
  tag,
  scope: 'read',
  params: z.object({ id: z.string().describe('The sync.') }),
  answer: syncAnswer,
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const run = isId(id) ? await em.findOne(SyncRun, { id }) : null;
      if (!run) throw new Problem('not_found', 'There is no such sync.');
      return { body: syncView(run) };
    }),
});

export const syncRoutes = [startSync, startSyncs, listSyncs, getSync];
