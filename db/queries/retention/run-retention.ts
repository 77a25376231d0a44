import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Sync runs that one call removes at most, so that its transaction stays short. */
const batch = 1_000;

/**
 * Removes sync runs that ended before `before`. Of each account and kind the newest run of scope "all" stays, and the
 * newest one that succeeded: they say when all of it was last synced. Answers how many it removed; call again while it
 * is not 0. System role.
 */
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
