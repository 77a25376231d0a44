import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Keeps the transaction short. */
const batch = 1_000;

/** Returns the number removed; call again while it is not 0. System role. */
export async function removeExpiredKeys(em: Em, now: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`delete from idempotency_keys where id in (
          select id from idempotency_keys where expires_at < ${now}
          order by expires_at limit ${batch} for update skip locked) returning id`,
  );
  return removed.length;
}
