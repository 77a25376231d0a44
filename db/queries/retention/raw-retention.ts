import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Keeps the transactions short. */
const batch = 1_000;

/** Raw answers behind account details. Returns the number removed; call again while it is not 0. System role. */
export async function removeRawDetails(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`update accounts set raw_details = null where id in (
          select id from accounts where raw_details is not null and details_at < ${before}
          order by details_at limit ${batch} for no key update skip locked) returning id`,
  );
  return removed.length;
}

/** Entries behind contacts, by their last change at the provider. As `removeRawDetails`. */
export async function removeRawContacts(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`update contacts set raw_wasender_data = null where id in (
          select id from contacts where raw_wasender_data is not null and last_updated_from_wasender < ${before}
          order by last_updated_from_wasender limit ${batch} for no key update skip locked) returning id`,
  );
  return removed.length;
}
