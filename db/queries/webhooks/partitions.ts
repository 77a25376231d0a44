import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Days after today whose partitions are there before the first of their rows. */
const daysAhead = 3;
/** How much longer than its request an event is kept, in days. */
const eventDays = 60;
/**
 * Makes the partitions of today and the next days, where they lack; answers how many. Rows of other days are taken by the
 * default partitions. System role, in a transaction of its own. Throws PostgreSQL's `55P03` where the default partitions
 * stay locked for 2 s: nothing is refused meanwhile, so the next call will do.
 */
export async function ensureWebhookPartitions(em: Em, now: Date): Promise<number> {
  const [row] = await rows<{ made: number }>(em, sql`select ensure_webhook_partitions(${now}, ${daysAhead}) as made`);
  return row?.made ?? 0;
}

/**
 * Drops what was received on days before `before`: bodies, with whom they speak of; events, with what became of them,
 * 60 days later. Answers how many partitions went. System role, in a transaction of its own; throws as
 * `ensureWebhookPartitions`.
 */
export async function dropWebhookPartitions(em: Em, before: Date): Promise<number> {
  const eventsBefore = new Date(before.getTime() - eventDays * 86_400_000);
  const [row] = await rows<{ dropped: number }>(
    em,
    sql`select drop_webhook_partitions('webhook_requests', ${before})
      + drop_webhook_partitions('webhook_subjects', ${before})
      + drop_webhook_partitions('webhook_events', ${eventsBefore}) as dropped`,
  );
  return row?.dropped ?? 0;
}

/** Keys that one call removes at most, so that its transaction stays short. */
const batch = 10_000;

/**
 * Removes the keys by which repeats of events that came before `before` are told. Answers how many; call again while it
 * is not 0. System role.
 */
export async function removeDedupeKeys(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`delete from webhook_dedupe where (credentials_id, key) in (
      select credentials_id, key from webhook_dedupe where received_at < ${before} limit ${batch}) returning event_id`,
  );
  return removed.length;
}
