import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Keeps the transaction short. */
const batch = 1_000;

/** Keeps each account's newest whole run and newest success, by kind. Call again while it is not 0. System role. */
export async function removeSyncRuns(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`delete from sync_runs where id in (
          select r.id from sync_runs r
          where r.state <> 'running' and r.ended_at < ${before} and (r.scope <> '' or r.dry_run or exists (
            select from sync_runs newer
            where newer.account_id = r.account_id and newer.kind = r.kind and newer.scope = '' and newer.id > r.id
              and not newer.dry_run and (newer.state = 'succeeded' or r.state <> 'succeeded')))
          limit ${batch} for update of r skip locked) returning id`,
  );
  return removed.length;
}
