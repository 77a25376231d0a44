import { z } from 'zod';
import type { Em } from '../../db/connect.ts';
import type { UpdatedTable, UpdateFilters } from '../../db/queries/updates/updated-rows.ts';
import { readUpdates } from '../../services/updates/read-updates.ts';
import { cursorPlace, pageOf, placeCursor, placeTime, time } from './pagination.ts';
import type { Call } from './route.ts';

/** Query of a list that tells its changed rows. */
export const updatesQuery = {
  updated_since: time
    .optional()
    .describe(
      'Only what changed at this time or later, in the order of the changes, merged ones too. Send the updated_until of the answer the next time. A page may have few items, or none, before the last one.',
    ),
};

export const updatesPageOf = <T extends z.ZodType>(item: T) =>
  pageOf(item).extend({
    updated_until: time
      .optional()
      .describe('With updated_since: the next updated_since. Nothing that changes is missed, and some may come again.'),
  });

const place = z.strictObject({ at: placeTime, id: z.uuid(), before: placeTime, until: time });

interface Asked<T extends UpdatedTable> {
  table: T;
  since: string;
  limit: number;
  cursor: string | undefined;
  /** Of the list, with what it names checked. */
  filter(em: Em): Promise<UpdateFilters[T]> | UpdateFilters[T];
}

/** A page of changed rows. `show` answers those of the ids that are still here, in their order. */
export async function updatesPage<T extends UpdatedTable, R>(
  { context, principal }: Pick<Call, 'context' | 'principal'>,
  { since, cursor, ...asked }: Asked<T>,
  show: (em: Em, ids: readonly string[]) => Promise<R[]>,
) {
  const wanted = { ...asked, since: new Date(since), after: cursorPlace(place, cursor) };
  const { items, next, until } = await readUpdates(context.db, principal.tenantId, wanted, show);
  return { items, next_cursor: next && placeCursor(next), updated_until: until };
}

/** Rows in the order of their ids. */
export function inOrder<R extends { id: string }>(rows: readonly R[], ids: readonly string[]): R[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}
