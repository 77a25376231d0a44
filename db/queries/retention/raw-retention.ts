import { rows, type Em } from '../../connect.ts';

/** Rows that one call frees of their raw data at most: a short transaction, and the next round takes the rest. */
const batch = 1_000;

/**
 * Drops the raw data of providers that was received before `before`: bodies of webhook events with the digests of whom
 * they speak of, but for those that are still to be applied; raw answers behind account details; the entries behind
 * contacts, which a sync writes again only when they change. Answers how many rows it freed.
 */
export async function applyRetention(em: Em, before: Date): Promise<number> {
  const events = await rows(
    em,
    `with freed as (
       update webhook_events set body = null where id in (
         select id from webhook_events
         where body is not null and received_at < ? and state <> 'received' and not owes_signal
         order by received_at limit ? for update skip locked) returning id),
     forgotten as (delete from webhook_subjects where event_id in (select id from freed))
     select id from freed`,
    [before, batch],
  );
  const accounts = await rows(
    em,
    `update accounts set raw_details = null where id in (
       select id from accounts where raw_details is not null and details_at < ?
       order by details_at limit ? for update skip locked) returning id`,
    [before, batch],
  );
  const contacts = await rows(
    em,
    `update contacts set raw_wasender_data = null where id in (
       select id from contacts where raw_wasender_data is not null and last_updated_from_wasender < ?
       order by last_updated_from_wasender limit ? for update skip locked) returning id`,
    [before, batch],
  );
  return events.length + accounts.length + contacts.length;
}
