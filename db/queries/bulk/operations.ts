import type { BulkItemState } from '../../../domain/bulk.ts';
import type { Em } from '../../connect.ts';
import { BulkOperation } from '../../entities/bulk.ts';
import { rows, sql } from '../../sql.ts';

/** The operation as it is now; null where there is none. */
export const readOperation = (em: Em, id: string): Promise<BulkOperation | null> =>
  em.findOne(BulkOperation, { id }, { refresh: true });

/** Locks an operation for a change of its state: what is being asked for it ends first. */
export async function lockOperation(em: Em, id: string): Promise<BulkOperation | null> {
  await rows(em, sql`select from bulk_operations where id = ${id} for no key update`);
  return readOperation(em, id);
}

/** Whether the operation runs; until the transaction ends, nothing pauses or cancels it. */
export async function holdRunning(em: Em, id: string): Promise<boolean> {
  const found = await rows(em, sql`select from bulk_operations where id = ${id} and state = 'running' for share`);
  return found.length > 0;
}

/** Counts open operations of the tenant; others that begin one wait until the transaction ends. */
export async function countOpen(em: Em, tenantId: string): Promise<number> {
  await rows(em, sql`select pg_advisory_xact_lock(hashtextextended(${`bulk/${tenantId}`}, 0))::text`);
  const [found] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from bulk_operations
        where tenant_id = ${tenantId} and state in ('preparing', 'running', 'paused')`,
  );
  return found?.n ?? 0;
}

/** How many accounts of an operation are in each state. */
export async function countItems(em: Em, id: string): Promise<Record<BulkItemState | 'total', number>> {
  const found = await rows<{ state: BulkItemState; n: number }>(
    em,
    sql`select state, count(*)::int as n from bulk_items where operation_id = ${id} group by state`,
  );
  const counts = { total: 0, waiting: 0, asked: 0, done: 0, failed: 0, skipped: 0 };
  for (const { state, n } of found) {
    counts[state] = n;
    counts.total += n;
  }
  return counts;
}

/** How many accounts failed or were skipped for one reason. */
export interface Reason {
  state: 'failed' | 'skipped';
  reason: string;
  n: number;
}

/** Failed and skipped accounts by reason, the most frequent first. */
export const countReasons = (em: Em, id: string): Promise<Reason[]> =>
  rows(
    em,
    sql`select state, reason, count(*)::int as n from bulk_items
        where operation_id = ${id} and state in ('failed', 'skipped') group by state, reason
        order by n desc, state, reason`,
  );

/** Writes what the feed tells of an operation, and until when its workflow need not be looked after. */
export async function noteProgress(
  em: Em,
  id: string,
  counts: Record<string, number>,
  dueAt: Date | null,
): Promise<void> {
  await rows(
    em,
    sql`update bulk_operations set counts = ${JSON.stringify(counts)}::jsonb, due_at = ${dueAt} where id = ${id}`,
  );
}

/** Operations whose workflow may be lost: those that are due, or all that are open where `before` is null. System role. */
export const stalledOperations = (
  em: Em,
  before: Date | null,
  after: string,
  limit: number,
): Promise<{ id: string; tenant_id: string; kind: string }[]> =>
  rows(
    em,
    sql`select id, tenant_id, kind from bulk_operations
        where due_at is not null and due_at < ${before ?? sql`'infinity'`} and id > ${after}::uuid
        order by id limit ${limit}`,
  );

/** Removes a batch of operations that ended before a time, with their items. System role. */
export async function removeOperations(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`delete from bulk_operations where id in (
          select id from bulk_operations where ended_at < ${before} and due_at is null and expires_at is null
          order by ended_at limit 20 for update skip locked) returning id`,
  );
  return removed.length;
}
