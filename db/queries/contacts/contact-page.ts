import { afterMerge, inSight, ownOf } from '../../../domain/contact-merges.ts';
import { afterSeen, fieldsOf, type SeenContact } from '../../../domain/contacts.ts';
import { identityOf, type Identity } from '../../../domain/identities.ts';
import { newId } from '../../../platform/ids.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Em } from '../../connect.ts';
import { sealed } from '../../sealed.ts';
import { rows, sql } from '../../sql.ts';
import type { Vault } from '../../vault.ts';
import {
  loadContacts,
  loadMerged,
  writePeople,
  type AliasRow,
  type ContactRow,
  type WritingOf,
} from './contact-rows.ts';

export interface Saving extends WritingOf {
  vault: Vault;
  keep: ReadonlySet<string> | null;
}

export interface SavedPerson {
  contactId: string;
  outcome: 'inserted' | 'updated' | 'unchanged';
  named: boolean;
  /** Contacts of the same person by this entry, now merged into this one. */
  joined?: readonly string[];
}

export interface Known {
  contactId: string;
  /** The contact's survivor, or the contact itself. */
  root: string;
  hash: string | null;
  named: boolean;
  /** The stored picture of the identity that decides; undefined where none is compared. */
  picture?: string | null;
}

const noGroups: readonly string[] = [];

export class ContactPage {
  readonly #em: Em;
  readonly #of: Saving;
  readonly #keys: Keyset;
  readonly #known: Map<string, Known>;
  readonly #at: string;
  readonly #loaded = new Map<string, ContactRow>();
  readonly #merged = new Map<string, ContactRow[]>();
  readonly #contacts = new Map<string, ContactRow>();
  readonly #aliases = new Map<string, AliasRow>();
  /** In this order: earlier merges into `id` are repointed to `survivor`. */
  readonly #merges: { id: string; survivor: string }[] = [];
  /** None of the changed contacts and aliases is in the database. */
  #isNew = true;

  constructor(em: Em, of: Saving, keys: Keyset, known: Map<string, Known>) {
    this.#em = em;
    this.#of = of;
    this.#keys = keys;
    this.#at = of.at.toISOString();
    this.#known = known;
  }

  async load(aliases: readonly Identity[]): Promise<void> {
    const roots = this.#rootsOf(aliases);
    const found = await loadContacts(this.#em, this.#of.accountId, roots);
    for (const [id, row] of found) this.#loaded.set(id, row);
    const merged = found.size ? await loadMerged(this.#em, this.#of.accountId, roots) : [];
    for (const row of merged) this.#mergedInto(row.mergedInto ?? '').push(row);
  }

  #mergedInto(survivor: string): ContactRow[] {
    const merged = this.#merged.get(survivor) ?? [];
    this.#merged.set(survivor, merged);
    return merged;
  }

  // The survivors, the oldest first.
  #rootsOf(aliases: readonly Identity[]): string[] {
    const roots = aliases.flatMap(({ value }) => this.#known.get(value)?.root ?? []);
    return roots.length > 1 ? [...new Set(roots)].sort() : roots;
  }

  take(entry: SeenContact, aliases: readonly Identity[], hash: string): SavedPerson {
    const loaded = this.#rootsOf(aliases).flatMap((id) => this.#loaded.get(id) ?? []);
    const isNew = loaded.length === 0;
    const row = loaded[0] ?? this.#empty(entry);
    this.#isNew &&= isNew;
    const joined = loaded.slice(1);
    for (const other of joined) this.#merge(row, other);
    this.#see(row, entry, isNew);
    const { savedName, pushName, verifiedName } = row.fields;
    const named = (verifiedName ?? savedName ?? pushName) !== null;
    for (const [n, { kind, value }] of aliases.entries()) {
      const known = this.#known.get(value);
      const contactId = known?.contactId ?? row.id;
      this.#isNew &&= !known;
      this.#known.set(value, { contactId, root: row.id, hash: n === 0 ? hash : null, named });
      const before = this.#aliases.get(value)?.hash ?? null;
      this.#aliases.set(value, { kind, value, contactId, hash: n === 0 ? hash : before });
    }
    const saved: SavedPerson = { contactId: row.id, outcome: isNew ? 'inserted' : 'updated', named };
    return joined.length ? { ...saved, joined: joined.map(({ id }) => id) } : saved;
  }

  #empty(entry: SeenContact): ContactRow {
    const row: ContactRow = {
      id: newId(),
      fields: fieldsOf(entry, this.#of.keep),
      edits: {},
      provenance: {},
      groups: noGroups,
      identity: entry.id,
      pictureAt: null,
      raw: null,
      mergedInto: null,
    };
    this.#loaded.set(row.id, row);
    return row;
  }

  // The entry under the contact's identity decides; a JID replaces a LID once it is known.
  #see(row: ContactRow, entry: SeenContact, isNew: boolean): void {
    const decides = isNew || row.identity === entry.id || isBetter(entry.id, row.identity);
    if (decides) {
      row.identity = entry.id;
      const keepsRaw = this.#of.keep === null || this.#of.keep.has('raw');
      row.raw = keepsRaw ? this.#keys.seal(JSON.stringify(entry.raw), sealed.contactRaw(row.id)) : null;
    }
    if (!isNew) {
      const seen = fieldsOf(entry, this.#of.keep);
      const owner = this.#known.get(entry.id)?.contactId;
      const hasPicture = entry.pictureUrl !== undefined;
      Object.assign(
        row,
        afterSeen(
          row,
          hasPicture ? seen : { ...seen, profileImageUrl: row.fields.profileImageUrl },
          decides,
          this.#at,
          owner === row.id ? undefined : owner,
        ),
      );
    }
    if (entry.pictureUrl !== undefined) row.pictureAt = this.#at;
    this.#contacts.set(row.id, row);
  }

  #merge(row: ContactRow, other: ContactRow): void {
    const along = this.#mergedInto(other.id);
    const shown = along.map((one) => inSight(one, other));
    Object.assign(other, ownOf(other), { mergedInto: row.id });
    for (const one of [other, ...shown]) Object.assign(row, afterMerge(row, one, this.#at));
    this.#mergedInto(row.id).push(other, ...along);
    this.#contacts.set(other.id, other);
    this.#merges.push({ id: other.id, survivor: row.id });
    for (const one of this.#known.values()) if (one.root === other.id) one.root = row.id;
  }

  async write(): Promise<void> {
    if (!this.#contacts.size) return;
    await writePeople(this.#em, this.#of, [...this.#contacts.values()], [...this.#aliases.values()], this.#isNew);
    for (const { id, survivor } of this.#merges)
      await rows(this.#em, sql`update contacts set merged_into = ${survivor} where merged_into = ${id}`);
  }
}

const isBetter = (identity: string, than: string | null): boolean =>
  than === null || (identityOf(than).kind === 'lid' && identityOf(identity).kind !== 'lid');
