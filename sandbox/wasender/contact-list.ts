import { z } from 'zod';
import { type AddressBook, createBook, exists } from '../world/address-book.ts';

const share = z.number().min(0).max(1);

/** What `PUT /address-book` takes beside size and seed. Shares are of the people in the address book. */
export const contactOptions = z.object({
  nameless: share.default(0.1).describe('no saved, push or verified name'),
  unsaved: share.default(0.2).describe('known by their push name only'),
  lid_only: share.default(0.1).describe('listed under a LID in place of a number'),
  emoji: share.default(0.05).describe('names with emoji'),
  business: share.default(0.1).describe('with a verified name'),
  near_duplicates: share.default(0).describe('listed a second time right after, without the saved name'),
  far_duplicates: share.default(0).describe('listed a second time at the end of the list, the same'),
  lid_twins: share.default(0).describe('listed a second time at the end of the list, under their LID'),
  large_record: z.boolean().default(false).describe('one entry is 200 KB long'),
});
export type ContactOptions = z.infer<typeof contactOptions>;

/** A session's contacts: the people of an address book, and what was changed by API or events. */
export interface ContactList {
  book: AddressBook;
  options: ContactOptions;
  /** Indexes of the people that were not removed, in order; null: all. */
  present: Uint32Array | null;
  /** By JID: names saved by `PUT /contacts`. */
  saved: Map<string, string>;
  blocked: Set<string>;
  /** Contacts outside the address book: push names by JID. */
  strangers: Map<string, string | null>;
}

export const DEFAULT_SIZE = 10;
export const DEFAULT_SEED = '1';

export function createContactList(size: number, seed: string, options: ContactOptions): ContactList {
  const book = createBook(size, seed);
  return { book, options, present: null, saved: new Map(), blocked: new Set(), strangers: new Map() };
}

/** Lists the remaining people again, after some were removed. */
export function refreshPresent(contacts: ContactList): void {
  const { book } = contacts;
  const present = new Uint32Array(book.size);
  let n = 0;
  for (let index = 0; index < book.size; index++) if (exists(book, index)) present[n++] = index;
  contacts.present = present.slice(0, n);
}

/** One place of the contact list. */
export type ListEntry =
  | { kind: 'person'; index: number; as: 'listed' | 'lean' | 'lid' }
  | { kind: 'stranger'; jid: string };

/**
 * The list by place, without holding it: blocks of people each ending in one near duplicate, then far duplicates, LID
 * twins and strangers.
 */
export function listEntries(contacts: ContactList): { total: number; at(place: number): ListEntry } {
  const { book, options, present, strangers } = contacts;
  const people = present?.length ?? book.size;
  const personAt = (rank: number): number => (present ? present[rank]! : rank);
  const counts = [
    Math.floor(people * options.near_duplicates),
    Math.floor(people * options.far_duplicates),
    Math.floor(people * options.lid_twins),
  ] as const;
  const [near, far, twins] = counts;
  const block = near === 0 ? 0 : Math.floor(people / near);
  const nearEnd = people + near;
  const unknown = [...strangers.keys()];
  const spread = (nth: number, of: number): number => Math.floor((nth * people) / of);
  return {
    total: nearEnd + far + twins + unknown.length,
    at(place) {
      if (place < near * (block + 1)) {
        const [turn, rest] = [Math.floor(place / (block + 1)), place % (block + 1)];
        const index = personAt(turn * block + Math.max(0, rest - 1));
        return { kind: 'person', index, as: rest === 1 ? 'lean' : 'listed' };
      }
      if (place < nearEnd) return { kind: 'person', index: personAt(place - near), as: 'listed' };
      const after = place - nearEnd;
      if (after < far) return { kind: 'person', index: personAt(spread(after, far)), as: 'listed' };
      if (after < far + twins) return { kind: 'person', index: personAt(spread(after - far, twins)), as: 'lid' };
      return { kind: 'stranger', jid: unknown[after - far - twins]! };
    },
  };
}
