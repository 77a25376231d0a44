import type { Em } from '../../connect.ts';
import { SyncRun } from '../../entities/events.ts';
import { rows, sql } from '../../sql.ts';

export async function newestContactsRuns(em: Em, account: string | null, limit: number): Promise<SyncRun[]> {
  const newest = await rows<{ id: string }>(
    em,
    sql`select r.id from accounts a cross join lateral (
          select id from sync_runs where account_id = a.id and kind = 'contacts' and scope = '' order by id desc limit 1
        ) r where a.id = coalesce(${account}::uuid, a.id) order by r.id desc limit ${limit}`,
  );
  return em.find(SyncRun, { id: { $in: newest.map(({ id }) => id) } }, { orderBy: { id: 'desc' } });
}

/** When the newest read of an account's whole address book began that succeeded or goes on. */
export async function newestWholeRead(em: Em, accountId: string): Promise<Date | null> {
  const [run] = await rows<{ at: string }>(
    em,
    sql`select to_jsonb(started_at)#>>'{}' as at from sync_runs
        where account_id = ${accountId} and kind = 'contacts' and scope = '' and state in ('running', 'succeeded')
        order by id desc limit 1`,
  );
  return run ? new Date(run.at) : null;
}

/** When a whole contacts sync last succeeded, of one account or of any. */
export async function lastContactsSync(em: Em, account: string | null): Promise<Date | null> {
  const [last] = await rows<{ at: string | null }>(
    em,
    sql`select max(r.ended_at)::text as at from accounts a cross join lateral (
          select ended_at from sync_runs
          where account_id = a.id and kind = 'contacts' and scope = '' and state = 'succeeded' order by id desc limit 1
        ) r where a.id = coalesce(${account}::uuid, a.id)`,
  );
  return last?.at ? new Date(last.at) : null;
}
