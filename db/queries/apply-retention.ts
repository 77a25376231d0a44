import { rows, type Em } from '../connect.ts';

/** Rows that one call frees of their raw data at most: a short transaction, and the next round takes the rest. */
const batch = 1_000;

/**
 * Drops the raw data of providers that was received before `before`: bodies of webhook events, but for those that are
 * still to be applied, and raw answers behind account details. Answers how many rows it freed.
 */
export async function applyRetention(em: Em, before: Date): Promise<number> {
  const events = await rows(
    em,
    `update webhook_events set body = null where id in (
       select id from webhook_events where body is not null and received_at < ? and state <> 'received' and not owes_signal
       order by received_at limit ? for update skip locked) returning id`,
    [before, batch],
  );
  const accounts = await rows(
    em,
    `update accounts set raw_details = null where id in (
       select id from accounts where raw_details is not null and details_at < ?
       order by details_at limit ? for update skip locked) returning id`,
    [before, batch],
  );
  return events.length + accounts.length;
}
