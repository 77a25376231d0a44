import { rows, type Em } from '../connect.ts';

/** Ends every sync of an account that runs; its worker finds out with the next page, of which nothing is kept. */
export async function cancelSyncs(em: Em, accountId: string, now: Date): Promise<void> {
  await rows(
    em,
    `with ended as (
       update sync_runs set state = 'cancelled', reason = 'cancelled', again = false, lease = null, lease_until = null,
         ended_at = ?
       where account_id = ? and state = 'running' returning id
     ) delete from sync_pages p using ended where p.run_id = ended.id`,
    [now, accountId],
  );
}
