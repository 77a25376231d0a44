import type { SavedPerson } from '../../db/queries/contacts/contact-page.ts';

/** What a contacts sync reports; a person counts once, however often it was delivered. */
export interface ContactStats {
  /** Entries delivered. */
  total_fetched: number;
  successful_updates: number;
  failed_updates: number;
  contacts_with_names: number;
  contacts_without_names: number;
  inserted: number;
  updated: number;
  unchanged: number;
  /** Further entries of people that were delivered before. */
  duplicates: number;
  /** Entries that are no people: groups, channels, entries without an identity. */
  skipped: number;
  /** Entries of people that were erased on request. */
  erased: number;
}

/** Counts of a page beside its people. */
export interface PageCounts {
  delivered: number;
  skipped: number;
  failed: number;
  erased: number;
}

const bit = { inserted: 1, updated: 2, unchanged: 4, named: 8 } as const;
/** In a record: this contact was merged into another. */
const merged = 0;
const outcomes = ['inserted', 'updated', 'unchanged'] as const;
/** Bytes of a person in a page's record: the random end of the contact's id, then the bits. */
const idSize = 8;
const recordSize = idSize + 1;
/** The last sixteen hex digits of a UUID. */
const keyOf = (contactId: string): string => contactId.slice(19, 23) + contactId.slice(24);

/** The counts of a run and the contacts that it has seen: stored page by page, so that a resumed run counts none twice. */
export class ContactSyncStats {
  readonly stats: ContactStats;
  readonly #seen = new Map<string, number>();

  constructor(stats: Partial<ContactStats>, pages: readonly Uint8Array[]) {
    this.stats = {
      total_fetched: 0,
      successful_updates: 0,
      failed_updates: 0,
      contacts_with_names: 0,
      contacts_without_names: 0,
      inserted: 0,
      updated: 0,
      unchanged: 0,
      duplicates: 0,
      skipped: 0,
      erased: 0,
      ...stats,
    };
    for (const page of pages)
      for (let at = 0; at < page.length; at += recordSize) {
        const key = Buffer.from(page.subarray(at, at + idSize)).toString('hex');
        const flags = page[at + idSize] ?? 0;
        if (flags === merged) this.#seen.delete(key);
        else this.#seen.set(key, flags);
      }
  }

  /** Counts a page; answers its record, to be stored with it. */
  add(people: readonly SavedPerson[], counts: PageCounts): Buffer {
    const { stats } = this;
    let records = '';
    const record = (key: string, flags: number): void => {
      records += key + flags.toString(16).padStart(2, '0');
    };
    const see = (key: string, now: number): void => {
      const before = this.#seen.get(key);
      const after = before === undefined ? now : together(before, now);
      if (after === before) return;
      if (before !== undefined) this.#count(before, -1);
      this.#count(after, 1);
      this.#seen.set(key, after);
      record(key, after);
    };
    for (const { contactId, outcome, named } of people) see(keyOf(contactId), bit[outcome] | (named ? bit.named : 0));
    // In a second loop: a merged contact may come later on the page than its survivor.
    for (const { contactId, joined = [] } of people)
      for (const other of joined.map(keyOf)) {
        const flags = this.#seen.get(other);
        if (flags === undefined) continue;
        this.#count(flags, -1);
        this.#seen.delete(other);
        record(other, merged);
        see(keyOf(contactId), flags);
      }
    stats.total_fetched += counts.delivered;
    stats.skipped += counts.skipped;
    stats.failed_updates += counts.failed;
    stats.erased += counts.erased;
    const entries = stats.total_fetched - stats.skipped - stats.failed_updates - stats.erased;
    // In a further pass contacts of later pages are already counted.
    stats.duplicates = Math.max(entries - this.#seen.size, 0);
    return Buffer.from(records, 'hex');
  }

  #count(flags: number, by: 1 | -1): void {
    const { stats } = this;
    for (const outcome of outcomes) if (flags & bit[outcome]) stats[outcome] += by;
    stats.successful_updates += by;
    stats[flags & bit.named ? 'contacts_with_names' : 'contacts_without_names'] += by;
  }
}

/** A contact seen twice: inserted stays inserted, a change at either time makes it updated. */
function together(before: number, now: number): number {
  const named = (before | now) & bit.named;
  const changed = (before | now) & (bit.updated | bit.inserted);
  if (before & bit.inserted) return bit.inserted | named;
  return (changed ? bit.updated : bit.unchanged) | named;
}
