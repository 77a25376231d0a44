import { createHash } from 'node:crypto';
import { ProviderFailure } from '../../domain/failures.ts';
import { asObject, field, number, type Json } from './fields.ts';

/** Where a walk through the address book stands. */
export interface Place {
  page: number;
  /** Entries asked for at a time; page numbers mean nothing without it. */
  limit: number;
  /** The hash of the page before, where nothing else shows that paging is ignored; else empty. */
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
 * Reads a page in each of its shapes: entries with the number of pages, a page of Laravel's, or a bare list or object,
 * which is one page or, where paging is ignored, the whole address book. Null is an empty list. Throws on other values.
 */
export function readPage(data: unknown, place: Place): Delivered {
  const of = asObject(data);
  const entries = entriesOf(data, of);
  const next = (before = ''): string => `${place.page + 1}.${place.limit}.${before}`;
  const more = saysMore(data, place.page);
  if (more !== null) return { entries, cursor: more ? next() : null };
  // More than was asked for: paging is ignored, and this is all.
  if (entries.length === 0 || entries.length > place.limit) return { entries, cursor: null };
  const likeness = createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16);
  // The same once more: these entries were all, and have been delivered.
  if (likeness === place.before) return { entries: [], cursor: null };
  return { entries, cursor: next(likeness) };
}

/** The part of an answer that names its further pages: `data`, or the body itself. Throws where there is no `data`. */
export function listOf(body: Json): unknown {
  const data = field(body, 'data');
  if (data !== undefined) return saysMore(body, 1) === null ? data : body;
  throw new ProviderFailure('provider_unavailable', 'WASender answered something else than a list.');
}

/** A list that claims more pages is refused. */
const mostPages = 100_000;

/** Whether a list goes on after this page; null where it does not say. */
export function saysMore(data: unknown, page: number): boolean | null {
  const of = asObject(data);
  const paging = asObject(field(of, 'pagination'));
  const last = number(paging, 'totalPages') ?? number(of, 'last_page');
  const follows = [field(paging, 'hasMore'), field(paging, 'hasNext'), field(of, 'next_page_url')];
  const told = follows.find((one) => one !== undefined);
  if (last === null && told === undefined) return null;
  const more = last === null ? told !== null && told !== false : page < last;
  if (more && page >= mostPages)
    throw new ProviderFailure('provider_unavailable', 'WASender answered a list without end.');
  return more;
}

function entriesOf(data: unknown, of: Json | null): unknown[] {
  const listed = listIn(data);
  if (listed) return listed;
  // Keyed by their ids: every value is an entry.
  if (of && Object.values(of).every((one) => asObject(one) !== null) && field(of, 'pagination') === undefined)
    return Object.values(of);
  throw new ProviderFailure('provider_unavailable', 'WASender answered something else than a list of contacts.');
}

/** The entries of a list, also under one of the names that it may have; null for another value. */
export function listIn(data: unknown): unknown[] | null {
  if (data === null) return [];
  if (Array.isArray(data)) return data;
  for (const name of ['items', 'data', 'contacts']) {
    const listed = field(asObject(data), name);
    if (Array.isArray(listed)) return listed;
    if (listed === null) return [];
  }
  return null;
}
