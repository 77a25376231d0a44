import { isDatabaseDown } from '../../db/database-down.ts';
import type { Em } from '../../db/connect.ts';
import { firstId } from '../../platform/ids.ts';
import { isTemporalDown } from '../../temporal/unreachable.ts';
import type { Context } from '../context.ts';
import { createBackOff } from './back-off.ts';

/** Rows that one repair handles in one round; the next round continues after them. */
export const pageSize = 500;

/** Something that can be stalled, as it is found and moved. */
export interface Stalled<R extends { id: string }> {
  name: string;
  /** Rows after an id, by id, at most `pageSize`. */
  find(em: Em, after: string): Promise<R[]>;
  /** Stays the same for as long as the same work is stalled; the id where it is left out. */
  mark?(row: R): string;
  /** Makes it move. Throws where Temporal or PostgreSQL refuses. */
  move(row: R): Promise<void>;
  /** Runs after a page, with the rows that were moved. */
  after?(moved: R[]): Promise<void>;
}

/** One part of the reconciler. */
export interface Repair {
  name: string;
  /** One bounded batch. Throws when PostgreSQL or Temporal cannot be reached. */
  run(isStopping: () => boolean): Promise<void>;
}

/**
 * A repair that goes through what is stalled page by page, and from the start again. One row's refusal stops no other
 * row; a row that stays stalled rests longer after each try.
 */
export function createRepair<R extends { id: string }>(
  { db, clock, log, metrics }: Context,
  baseMs: number,
  { name, find, mark = ({ id }) => id, move, after: finish }: Stalled<R>,
): Repair {
  const backOff = createBackOff(baseMs);
  let after = firstId;
  return {
    name,
    run: async (isStopping) => {
      const found = await db.system((em) => find(em, after));
      const moved: R[] = [];
      try {
        for (const row of found) {
          if (isStopping()) return;
          after = row.id;
          if (!backOff.take(row.id, mark(row), clock.now().getTime())) continue;
          try {
            await move(row);
            moved.push(row);
            metrics.repairs.inc({ repair: name, outcome: 'succeeded' });
          } catch (error) {
            if (isTemporalDown(error) || isDatabaseDown(error)) throw error;
            log.warn({ repair: name, id: row.id, err: error }, 'a repair was refused; it is tried again later');
            metrics.repairs.inc({ repair: name, outcome: 'unexpected' });
          }
        }
      } finally {
        if (moved.length) await finish?.(moved);
      }
      if (found.length < pageSize) {
        after = firstId;
        backOff.endPass();
      }
    },
  };
}
