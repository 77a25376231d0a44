import type { Account } from '../db/entities/accounts.ts';
import { SyncRun } from '../db/entities/events.ts';
import type { Context } from '../services/context.ts';
import { beginSyncs, type SyncRequest } from '../services/syncs/start-syncs.ts';
import { syncJson, type SyncJson } from '../services/syncs/sync-json.ts';

/** How often runs are asked for, in milliseconds. */
const everyMs = 500;

/** Starts a run for each account of a tenant and waits up to `patienceMs` for all of them; answers the runs by id. */
export async function runSyncs(
  context: Context,
  tenantId: string,
  accounts: readonly Account[],
  request: SyncRequest,
  patienceMs: number,
): Promise<SyncJson[]> {
  const { db, vault, clock } = context;
  const ids = { id: { $in: await beginSyncs(context, accounts, request) } };
  const runningNow = () => db.tenant(tenantId, (em) => em.count(SyncRun, { ...ids, state: 'running' }));
  for (const end = Date.now() + patienceMs; Date.now() < end && (await runningNow()) > 0;)
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  const runs = await db.tenant(tenantId, (em) => em.find(SyncRun, ids, { orderBy: { id: 'asc' } }));
  return runs.map(syncJson(await vault.keysOf(db, tenantId), clock.now()));
}

/** Columns of every run. */
export const runInWords = ({ id, account_id: account, state, progress }: SyncJson) => ({
  run: id,
  account,
  state: state === 'running' ? `running, ${Math.floor(progress * 100)} %` : state,
});
