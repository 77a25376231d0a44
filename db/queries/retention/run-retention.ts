import { rows, type Em } from '../../connect.ts';

/** Runs that one call removes at most: a short transaction, and the next round takes the rest. */
const batch = 1_000;

/**
 * Removes syncs that ended before `before`. Of each account and kind the newest run over everybody stays, and the newest
 * that succeeded: they tell when everybody was last synced. Answers how many it removed; call again while it is not 0.
 */
export async function applyRunRetention(em: Em, before: Date): Promise<number> {
  const gone = await rows(
    em,
    `delete from sync_runs where id in (
       select r.id from sync_runs r where r.state <> 'running' and r.ended_at < ? and (r.scope <> '' or r.dry_run or exists (
         select from sync_runs newer
         where newer.account_id = r.account_id and newer.kind = r.kind and newer.scope = '' and newer.id > r.id
           and not newer.dry_run and (newer.state = 'succeeded' or r.state <> 'succeeded')))
       limit ? for update of r skip locked) returning id`,
    [before, batch],
  );
  return gone.length;
}
