import { createHash } from 'node:crypto';
import { ProviderFailure } from '../../domain/failures.ts';
import { asObject, field, number, type Json } from './fields.ts';

/** Where a walk through the address book stands. */
export interface Place {
  page: number;
  /** Entries asked for at a time; page numbers mean nothing without it. */
  limit: number;
  /** The page before, where only its likeness to the next one can tell that pages are not told apart; else empty. */
  before: string;
}

/** No limit is published; the largest that is asked for. */
const pageLimit = 500;

/** A cursor's place; null is the beginning. Throws for what is no cursor. */
export function placeOf(cursor: string | null): Place {
  if (cursor === null) return { page: 1, limit: pageLimit, before: '' };
  const [, page, limit, before] = /^(\d{1,7})\.(\d{1,5})\.([0-9a-f]{0,16})$/.exec(cursor) ?? [];
  if (!page || !limit) throw new ProviderFailure('request_refused', 'This is no cursor of an address book.');
  return { page: Number(page), limit: Number(limit), before: before ?? '' };
}

/** What was delivered for a place, and where it goes on. */
export interface Delivered {
  entries: unknown[];
  cursor: string | null;
}

/**
 * Reads a page in each of the shapes it may have: entries with the number of pages, a page of Laravel's, or a bare list
 * or object of entries, which may be one page or, where paging is ignored, the whole book. Throws on what is no list.
 */
export function readPage(data: unknown, place: Place): Delivered {
  const of = asObject(data);
  const entries = entriesOf(data, of);
  const next = (before = ''): string => `${place.page + 1}.${place.limit}.${before}`;
  const last = number(asObject(field(of, 'pagination')), 'totalPages') ?? number(of, 'last_page');
  if (last !== null) return { entries, cursor: place.page < last && entries.length > 0 ? next() : null };
  // More than was asked for: paging is ignored, and this is all.
  if (entries.length === 0 || entries.length > place.limit) return { entries, cursor: null };
  const likeness = createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16);
  // The same once more: these entries were all, and have been delivered.
  if (likeness === place.before) return { entries: [], cursor: null };
  return { entries, cursor: next(likeness) };
}

function entriesOf(data: unknown, of: Json | null): unknown[] {
  if (Array.isArray(data)) return data;
  for (const name of ['items', 'data', 'contacts']) {
    const listed = field(of, name);
    if (Array.isArray(listed)) return listed;
  }
  // Keyed by their ids: every value is an entry.
  if (of && Object.values(of).every((one) => asObject(one) !== null) && field(of, 'pagination') === undefined)
    return Object.values(of);
  throw new ProviderFailure('provider_unavailable', 'WASender answered something else than a list of contacts.');
}
