import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Keeps the transaction short. */
const batch = 10_000;

/** Returns the number removed; call again while it is not 0. System role. */
export async function removeDedupeKeys(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`delete from webhook_dedupe where (credentials_id, key) in (
      select credentials_id, key from webhook_dedupe where received_at < ${before} limit ${batch}) returning event_id`,
  );
  return removed.length;
}
