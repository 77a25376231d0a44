import { rows, type Em } from '../connect.ts';

/** Ends one running sync; false when it does not run any more. Its worker finds out with its next page. */
export async function cancelSync(em: Em, id: string, now: Date): Promise<boolean> {
  const cancelled = await rows(
    em,
    `update sync_runs set state = 'cancelled', reason = 'cancelled', again = false, lease = null, lease_until = null,
       ended_at = ?
     where id = ? and state = 'running' returning id`,
    [now, id],
  );
  if (cancelled.length) await rows(em, 'delete from sync_pages where run_id = ?', [id]);
  return cancelled.length > 0;
}
