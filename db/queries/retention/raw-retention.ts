import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Rows that one call changes at most, so that its transaction stays short. */
const batch = 1_000;

/**
 * Removes the bodies of webhook events that were received before `before`, with the digests of the people they name;
 * events that are still to be applied keep theirs. Answers how many; call again while it is not 0. System role.
 */
export async function removeWebhookBodies(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`with freed as (
          update webhook_events set body = null where id in (
            select id from webhook_events
            where body is not null and received_at < ${before} and state <> 'received' and not owes_signal
            order by received_at limit ${batch} for update skip locked) returning id),
        subjects as (delete from webhook_subjects where event_id in (select id from freed))
        select id from freed`,
  );
  return removed.length;
}

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
