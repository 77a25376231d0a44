import { setTimeout as pause } from 'node:timers/promises';
import type { Database, Em } from '../../db/connect.ts';
import {
  isSettled,
  thisMoment,
  updatedRows,
  type UpdatedPlace,
  type UpdatedTable,
  type UpdateFilters,
} from '../../db/queries/updates/updated-rows.ts';

/** How long a reader waits for transactions that are open, and how often it looks, in milliseconds. */
const patience = { mostMs: 2_000, everyMs: 50 };

/** Where a reader goes on: after a row, within the list that its first page began. */
interface UpdatesCursor extends UpdatedPlace {
  /** PostgreSQL's text of the time before which the list's rows changed. */
  before: string;
  /** RFC 3339. */
  until: string;
}

interface UpdatesQuery<T extends UpdatedTable> {
  table: T;
  since: Date;
  /** Null: the first page. */
  after: UpdatesCursor | null;
  limit: number;
  /** Of the list, with what it names checked. */
  filter(em: Em): Promise<UpdateFilters[T]> | UpdateFilters[T];
}

interface UpdatesPage<R> {
  items: R[];
  next: UpdatesCursor | null;
  /**
   * RFC 3339: reading on from here misses no change, also none of a transaction that is open now. Not before `since`,
   * and there while a transaction stays open.
   */
  until: string;
}

/**
 * A page of rows that changed at `since` or later, in the order of their change. A list ends with what changed before its
 * first page was asked for, so it has an end while rows go on changing.
 */
export async function readUpdates<T extends UpdatedTable, R>(
  db: Pick<Database, 'tenant'>,
  tenantId: string,
  { table, since, after, limit, filter }: UpdatesQuery<T>,
  show: (em: Em, ids: readonly string[]) => Promise<R[]>,
): Promise<UpdatesPage<R>> {
  const read = async (em: Em, before: string, until: string): Promise<UpdatesPage<R>> => {
    const wanted = { table, filter: await filter(em) };
    const { ids, next } = await updatedRows(em, tenantId, wanted, { since, after, before, limit });
    return { items: await show(em, ids), next: next && { ...next, before, until }, until };
  };
  if (after) return db.tenant(tenantId, (em) => read(em, after.before, after.until));
  const moment = await db.tenant(tenantId, thisMoment);
  const notPassed = [since.toISOString(), moment.time].toSorted()[0]!;
  const end = performance.now() + patience.mostMs;
  for (;;) {
    const isLast = performance.now() >= end;
    const page = await db.tenant(tenantId, async (em) => {
      // The rows are read by a later statement: it sees what has ended.
      const settled = await isSettled(em, moment);
      return settled || isLast ? read(em, moment.text, settled ? moment.time : notPassed) : null;
    });
    if (page) return page;
    await pause(patience.everyMs);
  }
}
