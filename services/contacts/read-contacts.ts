import type { SeenContact } from '../../domain/contacts.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { withRetries } from './with-retries.ts';

/** A part of an address book, and where the next one begins. */
export interface ContactBatch {
  contacts: SeenContact[];
  delivered: number;
  /** Null on the last page. */
  cursor: string | null;
  /** How much of the book is done with this page, from 0 to 1; null where it is not known. */
  part: number | null;
}

/** People of a page that is written at once. */
export const pageSize = 2_000;

/**
 * The address book from `cursor` on. It is read as it is at one moment and handed on in the order of its identities:
 * where the provider's own pages shift because somebody came or went, people would be missed. A book that cannot be had
 * at once (`inPages`) is read by those pages all the same.
 */
export async function* readContacts(
  reader: ContactReader,
  call: ProviderCall,
  cursor: string | null,
  inPages: boolean,
  signal: AbortSignal,
): AsyncGenerator<ContactBatch> {
  if (cursor?.startsWith('p:') || (cursor === null && inPages)) {
    for (let at = cursor; ;) {
      const page = await withRetries(signal, () => reader.page(call, at === null ? null : at.slice(2)));
      at = page.cursor === null ? null : `p:${page.cursor}`;
      yield { ...page, cursor: at, part: null };
      if (at === null) return;
    }
  }
  const book = await withRetries(signal, () => reader.all(call));
  const people = book.contacts.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const after = cursor?.slice(2) ?? '';
  let at = people.findIndex(({ id }) => id > after);
  if (at < 0) at = people.length;
  // What names no person is counted with the first page.
  let others = cursor === null ? book.delivered - people.length : 0;
  do {
    let end = Math.min(at + pageSize, people.length);
    // Entries of one identity stay together: a page ends between people.
    while (end < people.length && people[end]?.id === people[end - 1]?.id) end += 1;
    const contacts = people.slice(at, end);
    const last = contacts.at(-1);
    yield {
      contacts,
      delivered: contacts.length + others,
      cursor: end < people.length && last ? `s:${last.id}` : null,
      part: people.length ? end / people.length : 1,
    };
    others = 0;
    at = end;
  } while (at < people.length);
}
