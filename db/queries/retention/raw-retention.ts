import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Rows that one call changes at most, so that its transaction stays short. */
const batch = 1_000;

/**
 * Removes the provider's raw answers behind account details that were collected before `before`. Answers how many; call
 * again while it is not 0. System role.
 */
export async function removeRawDetails(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`update accounts set raw_details = null where id in (
          select id from accounts where raw_details is not null and details_at < ${before}
          order by details_at limit ${batch} for update skip locked) returning id`,
  );
  return removed.length;
}

/**
 * Removes the provider's entries behind contacts that last changed at the provider before `before`. Syncs write an entry
 * only when it changed. Answers how many; call again while it is not 0. System role.
 */
export async function removeRawContacts(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`update contacts set raw_wasender_data = null where id in (
          select id from contacts where raw_wasender_data is not null and last_updated_from_wasender < ${before}
          order by last_updated_from_wasender limit ${batch} for update skip locked) returning id`,
  );
  return removed.length;
}
