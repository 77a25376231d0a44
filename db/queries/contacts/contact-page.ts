import {
  afterSeen,
  fieldsOf,
  isOutdated,
  newFields,
  newOrigins,
  type SeenContact,
  type ToldFields,
} from '../../../domain/contacts.ts';
import { identityOf, type Identity } from '../../../domain/identities.ts';
import { newId } from '../../../platform/ids.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Em } from '../../connect.ts';
import { sealed } from '../../sealed.ts';
import type { Vault } from '../../vault.ts';
import { contradicted, isContradicted, partnerOf } from './alias-pairs.ts';
import { dropAliases, writePeople, type AliasRow, type ContactRow, type WritingOf } from './contact-rows.ts';
import { HeldContacts } from './held-contacts.ts';

export interface Saving extends WritingOf {
  vault: Vault;
  keep: ReadonlySet<string> | null;
  /** Soon after a login, when the phone may still send names. */
  isAfterLogin?: boolean;
  /** When the entries were asked for, where a read tells them. */
  readAt?: Date;
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
  /** The alias that the provider last told to be of the same person; `contradicted` since it told otherwise. */
  pair: string | null;
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
  readonly #readAt: string | undefined;
  readonly #held: HeldContacts;
  readonly #aliases = new Map<string, AliasRow>();
  /** Aliases that no contact has any more. */
  readonly #dropped = new Set<string>();
  /** None of the changed contacts and aliases is in the database. */
  #isNew = true;

  constructor(em: Em, of: Saving, keys: Keyset, known: Map<string, Known>) {
    this.#em = em;
    this.#of = of;
    this.#keys = keys;
    this.#at = of.at.toISOString();
    this.#readAt = of.readAt?.toISOString();
    this.#known = known;
    this.#held = new HeldContacts(em, of.accountId, this.#at);
  }

  load(values: readonly string[]): Promise<void> {
    return this.#held.load(this.#rootsOf(values));
  }

  /** The survivors of the contacts with these aliases, the oldest first. */
  #rootsOf(values: readonly string[]): string[] {
    const roots = values.flatMap((value) => this.#known.get(value)?.root ?? []);
    return roots.length > 1 ? [...new Set(roots)].sort() : roots;
  }

  take(entry: SeenContact, aliases: readonly Identity[], hash: string): SavedPerson {
    // An event takes no people apart: the next read does.
    if (entry.toldAt === undefined) this.#part(entry.id, aliases);
    const held = this.#rootsOf(aliases.map(({ value }) => value)).flatMap((id) => this.#held.get(id) ?? []);
    const isNew = held.length === 0;
    const told = fieldsOf(entry, this.#of.keep, this.#of.isAfterLogin ?? false);
    const row = held[0] ?? this.#empty(entry, told);
    this.#isNew &&= isNew && entry.toldAt === undefined;
    const joined = held.slice(1);
    for (const other of joined) this.#merge(row, other);
    // An entry of which not all counts is new also when it comes again.
    const digest = !isNew && isOutdated(told, row.provenance, this.#toldAt(entry)) ? '' : hash;
    this.#see(row, entry, told, isNew);
    const { savedName, pushName, verifiedName } = row.fields;
    const named = (verifiedName ?? savedName ?? pushName) !== null;
    for (const [n, alias] of aliases.entries()) {
      const known = this.#known.get(alias.value);
      const contactId = known?.contactId ?? row.id;
      const pair = partnerOf(aliases, alias)?.value ?? known?.pair ?? null;
      this.#isNew &&= !known;
      this.#known.set(alias.value, { contactId, root: row.id, hash: n === 0 ? digest : null, pair, named });
      const before = this.#aliases.get(alias.value)?.hash ?? null;
      this.#aliases.set(alias.value, { ...alias, contactId, hash: n === 0 ? digest : before, pair });
    }
    const saved: SavedPerson = { contactId: row.id, outcome: isNew ? 'inserted' : 'updated', named };
    return joined.length ? { ...saved, joined: joined.map(({ id }) => id) } : saved;
  }

  /** An alias that the provider told of another person before leaves that person: the newer entry counts. */
  #part(own: string, aliases: readonly Identity[]): void {
    for (const alias of aliases) {
      const known = this.#known.get(alias.value);
      if (!known || !isContradicted(known.pair, partnerOf(aliases, alias))) continue;
      if (known.pair) this.#unpair(alias, known, identityOf(known.pair), own);
      const left = this.#known.get(alias.value);
      if (!left) continue;
      left.pair = null;
      const row = left.contactId === left.root ? this.#held.get(left.root) : undefined;
      // A LID stays with its person; a number may have been given to another.
      if (row && alias.kind === 'jid') this.#held.renew(row);
    }
  }

  /**
   * Takes `alias` and the one that it was paired with apart, unless that is paired with another one now. The contact
   * stays with the alias under which its entries came; of these the one that is the entry's `own` counts more.
   */
  #unpair(alias: Identity, known: Known, former: Identity, own: string): void {
    this.#isNew = false;
    const other = this.#known.get(former.value);
    if (other?.pair !== alias.value) return;
    other.pair = former.kind === 'jid' ? contradicted : null;
    const { hash = null } = this.#aliases.get(former.value) ?? {};
    this.#aliases.set(former.value, { ...former, contactId: other.contactId, hash, pair: other.pair });
    if (other.contactId === known.contactId) {
      const isFormers = alias.value !== own || this.#held.get(known.root)?.identity === former.value;
      if (isFormers) this.#drop(alias, known.root, former.value);
      else this.#drop(former, known.root, alias.value);
    } else if (other.root === known.root) {
      const [lid, number] = alias.kind === 'lid' ? [alias, former] : [former, alias];
      const isRoot = this.#known.get(lid.value)?.contactId === known.root;
      if (isRoot) this.#leave(number, lid);
      else this.#leave(lid, number);
    }
  }

  #drop(alias: Identity, root: string, rest: string): void {
    this.#known.delete(alias.value);
    this.#aliases.delete(alias.value);
    this.#dropped.add(alias.value);
    this.#held.lose(root, alias, rest);
  }

  /** The merged contact with this alias leaves its survivor; `stays` is an alias of the survivor, or of another one. */
  #leave(alias: Identity, stays: Identity): void {
    const leaving = this.#known.get(alias.value);
    if (!leaving) return;
    const { root, contactId: id } = leaving;
    this.#held.leave(root, id);
    this.#held.lose(root, alias, this.#known.get(stays.value)?.contactId === root ? stays.value : null);
    for (const one of this.#known.values()) if (one.contactId === id) one.root = id;
  }

  #merge(row: ContactRow, other: ContactRow): void {
    this.#held.merge(row, other);
    for (const one of this.#known.values()) if (one.root === other.id) one.root = row.id;
  }

  #empty(entry: SeenContact, told: ToldFields): ContactRow {
    const fields = newFields(told);
    const row: ContactRow = {
      id: newId(),
      fields,
      edits: {},
      provenance: entry.toldAt === undefined ? {} : newOrigins(fields, this.#at, isoOf(entry.toldAt)),
      groups: noGroups,
      identity: entry.id,
      pictureAt: null,
      raw: null,
      mergedInto: null,
    };
    this.#held.add(row);
    return row;
  }

  // The entry under the contact's identity decides; a JID replaces a LID once it is known.
  #see(row: ContactRow, entry: SeenContact, told: ToldFields, isNew: boolean): void {
    const decides = isNew || row.identity === entry.id || isBetter(entry.id, row.identity);
    if (decides) {
      row.identity = entry.id;
      const keepsRaw = this.#of.keep === null || this.#of.keep.has('raw');
      // An event has the changed fields alone.
      if (entry.toldAt === undefined || row.raw === null)
        row.raw = keepsRaw ? () => this.#keys.seal(JSON.stringify(entry.raw), sealed.contactRaw(row.id)) : null;
    }
    if (!isNew) {
      const owner = this.#known.get(entry.id)?.contactId;
      const evidence = { decides, at: this.#at, toldAt: this.#toldAt(entry), isEvent: entry.toldAt !== undefined };
      const from = owner === row.id ? undefined : owner;
      Object.assign(row, afterSeen(row, told, { ...evidence, from }));
    }
    if (entry.pictureUrl !== undefined) row.pictureAt = this.#at;
    if (entry.pictureChanged) row.pictureAt = null;
    this.#held.changed(row);
  }

  #toldAt(entry: SeenContact): string | undefined {
    return entry.toldAt === undefined ? this.#readAt : isoOf(entry.toldAt);
  }

  async write(): Promise<void> {
    const written = this.#held.written();
    if (!written.length) return;
    if (this.#dropped.size) await dropAliases(this.#em, this.#of.accountId, [...this.#dropped]);
    await writePeople(this.#em, this.#of, written, [...this.#aliases.values()], this.#isNew);
    await this.#held.repoint();
  }
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

const isBetter = (identity: string, than: string | null): boolean =>
  than === null || (identityOf(than).kind === 'lid' && identityOf(identity).kind !== 'lid');
