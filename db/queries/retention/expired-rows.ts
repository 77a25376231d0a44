import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Keeps the transaction short. */
const batch = 1_000;

/** Removes rows of a table after their `expires_at`. Returns the number removed; call again while it is not 0. System role. */
export const removeExpired =
  (table: 'idempotency_keys' | 'realtime_tickets' | 'user_requests') =>
  async (em: Em, now: Date): Promise<number> => {
    const removed = await rows(
      em,
      sql`delete from ${sql.ref(table)} where id in (
            select id from ${sql.ref(table)} where expires_at < ${now}
            order by expires_at limit ${batch} for update skip locked) returning id`,
    );
    return removed.length;
  };
