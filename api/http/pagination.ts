import { z } from 'zod';
import { cursorOf, readCursor } from '../../platform/cursor.ts';
import { Problem } from '../../services/problem.ts';

/** Query of every list. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Items of a page.'),
  cursor: z.string().optional().describe('next_cursor of the page before.'),
};

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable().describe('Null on the last page.') });

/** The id in a cursor; null for the first page. Ids sort by their time. */
export function cursorId(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const id = readCursor(cursor);
  if (id === null) throw new Problem('invalid_request', 'cursor: must be the next_cursor of a page.');
  return id;
}

/** A cursor of a list that is not in the order of ids: the place of the last row of a page, opaque to callers. */
export const placeCursor = (place: object): string => Buffer.from(JSON.stringify(place)).toString('base64url');

/** The place in such a cursor; null for the first page. */
export function cursorPlace<S extends z.ZodType>(schema: S, cursor: string | undefined): z.output<S> | null {
  if (cursor === undefined) return null;
  const parsed = schema.safeParse(jsonOrNull(Buffer.from(cursor, 'base64url').toString()));
  if (!parsed.success) throw new Problem('invalid_request', 'cursor: must be the next_cursor of a page.');
  return parsed.data;
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A time in a cursor: PostgreSQL's text in UTC, which has its microseconds. */
export const placeTime = z
  .string()
  .regex(/^(-infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00)$/)
  .refine((text) => text === '-infinity' || !Number.isNaN(Date.parse(text.replace('+00', 'Z'))));

/** The condition for the page after a cursor. */
export function afterCursor(cursor: string | undefined, direction: 'asc' | 'desc' = 'asc'): { id?: object } {
  const id = cursorId(cursor);
  return id === null ? {} : { id: direction === 'asc' ? { $gt: id } : { $lt: id } };
}

/** A page of rows, of which one more than `limit` was read. */
export function page<R extends { id: string }, T>(
  rows: readonly R[],
  limit: number,
  view: (row: R) => T,
): { items: T[]; next_cursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(view),
    next_cursor: rows.length > limit && last ? cursorOf(last.id) : null,
  };
}

/** `true` and `false` of a query. */
export const flag = z
  .enum(['true', 'false', '1', '0'])
  .transform((text) => text === 'true' || text === '1')
  .optional();

export const time = z.iso.datetime();
/** A time as it goes over the wire, RFC 3339 in UTC. */
export const wireTime = (date: Date): string => date.toISOString();
export const wireTimeOrNull = (date: Date | null): string | null => date?.toISOString() ?? null;
