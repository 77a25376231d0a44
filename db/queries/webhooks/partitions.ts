import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

const daysAhead = 3;
/** Days that an event is kept longer than its request. */
const eventDays = 60;
/**
 * Own transaction, system role. Throws `55P03` where the default partitions stay locked for 2 s: the next call will do.
 */
export async function ensureWebhookPartitions(em: Em, now: Date): Promise<number> {
  const [row] = await rows<{ made: number }>(em, sql`select ensure_webhook_partitions(${now}, ${daysAhead}) as made`);
  return row?.made ?? 0;
}

/** Events stay 60 days longer. Own transaction, system role; throws as `ensureWebhookPartitions`. */
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
