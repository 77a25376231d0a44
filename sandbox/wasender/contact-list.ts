import { z } from 'zod';
import { type GeneratedPeople, createPeople, exists } from '../world/generated-people.ts';

const share = z.number().min(0).max(1);

/** For `PUT /address-book`. Shares are of all its people. */
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

/** Generated contacts, and changes by API or events. */
export interface ContactList {
  people: GeneratedPeople;
  options: ContactOptions;
  /** Indexes of the remaining people, in order; null: all. */
  present: Uint32Array | null;
  /** By JID: names saved by `PUT /contacts`. */
  saved: Map<string, string>;
  blocked: Set<string>;
  /** Push names of other people, by JID. */
  unlisted: Map<string, string | null>;
}

export const DEFAULT_SIZE = 10;
export const DEFAULT_SEED = '1';

export function createContactList(size: number, seed: string, options: ContactOptions): ContactList {
  const people = createPeople(size, seed);
  return { people, options, present: null, saved: new Map(), blocked: new Set(), unlisted: new Map() };
}

export function refreshPresent(contacts: ContactList): void {
  const { people } = contacts;
  const present = new Uint32Array(people.size);
  let n = 0;
  for (let index = 0; index < people.size; index++) if (exists(people, index)) present[n++] = index;
  contacts.present = present.slice(0, n);
}

export type ListEntry =
  | { kind: 'person'; index: number; as: 'listed' | 'lean' | 'lid' }
  | { kind: 'unlisted'; jid: string };

/** By place: blocks of people each ending in one near duplicate, then far duplicates, LID twins and other people. */
export function listEntries(contacts: ContactList): { total: number; at(place: number): ListEntry } {
  const { people, options, present, unlisted } = contacts;
  const count = present?.length ?? people.size;
  const personAt = (rank: number): number => (present ? present[rank]! : rank);
  const counts = [
    Math.floor(count * options.near_duplicates),
    Math.floor(count * options.far_duplicates),
    Math.floor(count * options.lid_twins),
  ] as const;
  const [near, far, twins] = counts;
  const block = near === 0 ? 0 : Math.floor(count / near);
  const nearEnd = count + near;
  const unknown = [...unlisted.keys()];
  const spread = (nth: number, of: number): number => Math.floor((nth * count) / of);
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
      return { kind: 'unlisted', jid: unknown[after - far - twins]! };
    },
  };
}
