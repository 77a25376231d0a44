import { afterMerge, inSight, ownOf } from '../../../domain/contact-merges.ts';
import { afterSeen, fieldsOf, type ContactAlias, type SeenContact } from '../../../domain/contacts.ts';
import { newId } from '../../../platform/ids.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import { rows, type Em } from '../../connect.ts';
import { sealed } from '../../sealed.ts';
import {
  loadContacts,
  loadMerged,
  preparePeople,
  type AliasRow,
  type ContactRow,
  type WritingOf,
} from './contact-rows.ts';

export interface Saving extends WritingOf {
  keys: Keyset;
  /** The fields that the tenant keeps; null: all. */
  keep: ReadonlySet<string> | null;
  /** Work for the time in which PostgreSQL writes. */
  meanwhile?: () => void;
}

/** What came of an entry. */
export interface SavedPerson {
  contactId: string;
  outcome: 'inserted' | 'updated' | 'unchanged';
  /** Has a verified, saved or push name. */
  named: boolean;
  /** Whom the entry showed to be the same person, besides: the contact stands for them from now on. */
  joined?: readonly string[];
}

/** An alias in the database, or one that this page adds. */
export interface Known {
  contactId: string;
  /** Who stands for that contact. */
  root: string;
  hash: string | null;
  named: boolean;
  /** The picture that is kept of an identity that decides; undefined where none is compared. */
  picture?: string | null;
}

const noGroups: readonly string[] = [];

/** People that are written by one statement: while PostgreSQL works on them, the next ones are made ready. */
const atOnce = 250;
/** After so many, what PostgreSQL has answered meanwhile is heard and followed up. */
const betweenTurns = 25;

/** The people of a page that change. */
export class ContactPage {
  readonly #em: Em;
  readonly #of: Saving;
  /** By the alias's value. */
  readonly #known: Map<string, Known>;
  readonly #at: string;
  readonly #held = new Map<string, ContactRow>();
  /** Who was merged into somebody, by the survivor. */
  readonly #merged = new Map<string, ContactRow[]>();
  #batch = emptyBatch();
  #writing: Promise<void> = Promise.resolve();

  constructor(em: Em, of: Saving, known: Map<string, Known>) {
    this.#em = em;
    this.#of = of;
    this.#at = of.at.toISOString();
    this.#known = known;
  }

  async load(aliases: ContactAlias[]): Promise<void> {
    const roots = this.#rootsOf(aliases);
    const found = await loadContacts(this.#em, this.#of.accountId, roots);
    for (const [id, row] of found) this.#held.set(id, row);
    const merged = found.size ? await loadMerged(this.#em, this.#of.accountId, roots) : [];
    for (const row of merged) this.#mergedInto(row.mergedInto ?? '').push(row);
  }

  #mergedInto(survivor: string): ContactRow[] {
    const merged = this.#merged.get(survivor) ?? [];
    this.#merged.set(survivor, merged);
    return merged;
  }

  /** Who stands for these aliases, the oldest first. */
  #rootsOf(aliases: ContactAlias[]): string[] {
    const roots = aliases.flatMap(({ value }) => this.#known.get(value)?.root ?? []);
    return roots.length > 1 ? [...new Set(roots)].sort() : roots;
  }

  take(entry: SeenContact, aliases: ContactAlias[], hash: string): SavedPerson {
    const held = this.#rootsOf(aliases).flatMap((id) => this.#held.get(id) ?? []);
    const isNew = held.length === 0;
    const row = held[0] ?? this.#empty(entry);
    this.#batch.isNew &&= isNew;
    const joined = held.slice(1);
    for (const other of joined) this.#merge(row, other);
    this.#see(row, entry, isNew);
    const { savedName, pushName, verifiedName } = row.fields;
    const named = (verifiedName ?? savedName ?? pushName) !== null;
    for (const [n, alias] of aliases.entries()) {
      const { kind, value } = alias;
      const known = this.#known.get(value);
      const contactId = known?.contactId ?? row.id;
      this.#batch.isNew &&= !known;
      this.#known.set(value, { contactId, root: row.id, hash: n === 0 ? hash : null, named });
      const before = this.#batch.aliases.get(value)?.hash ?? null;
      this.#batch.aliases.set(value, { kind, value, contactId, hash: n === 0 ? hash : before });
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
      wasenderJid: entry.id,
      pictureAt: null,
      raw: null,
      mergedInto: null,
    };
    this.#held.set(row.id, row);
    return row;
  }

  /** The entry under the person's own identity decides; a LID steps back once the person's number is known. */
  #see(row: ContactRow, entry: SeenContact, isNew: boolean): void {
    const better = row.wasenderJid === null || (row.wasenderJid.endsWith('@lid') && !entry.id.endsWith('@lid'));
    const decides = isNew || better || row.wasenderJid === entry.id;
    if (decides) {
      row.wasenderJid = entry.id;
      const keepsRaw = this.#of.keep === null || this.#of.keep.has('raw');
      row.raw = keepsRaw ? this.#of.keys.seal(JSON.stringify(entry.raw), sealed.contactRaw(row.id)) : null;
    }
    if (!isNew) {
      const seen = fieldsOf(entry, this.#of.keep);
      const owner = this.#known.get(entry.id)?.contactId;
      const told = entry.pictureUrl !== undefined;
      Object.assign(
        row,
        afterSeen(
          row,
          told ? seen : { ...seen, profileImageUrl: row.fields.profileImageUrl },
          decides,
          this.#at,
          owner === row.id ? undefined : owner,
        ),
      );
    }
    if (entry.pictureUrl !== undefined) row.pictureAt = this.#at;
    this.#batch.contacts.set(row.id, row);
  }

  #merge(row: ContactRow, other: ContactRow): void {
    const along = this.#mergedInto(other.id);
    const shown = along.map((one) => inSight(one, other));
    Object.assign(other, ownOf(other), { mergedInto: row.id });
    for (const one of [other, ...shown]) Object.assign(row, afterMerge(row, one, this.#at));
    this.#mergedInto(row.id).push(other, ...along);
    this.#batch.contacts.set(other.id, other);
    this.#batch.merges.push([other.id, row.id]);
    for (const one of this.#known.values()) if (one.root === other.id) one.root = row.id;
  }

  /** Sends what was taken once it is enough for a statement; resolves when what was begun has gone on. */
  async send(): Promise<void> {
    const { size } = this.#batch.contacts;
    if (size >= atOnce) this.#write();
    if (size % betweenTurns === 0) await turn();
  }

  /** Everything that was taken, in the database. */
  async written(): Promise<void> {
    this.#write();
    await turn();
    this.#of.meanwhile?.();
    await this.#writing;
  }

  /** One statement after the other: a connection takes one at a time. */
  #write(): void {
    const { contacts, aliases, isNew, merges } = this.#batch;
    this.#batch = emptyBatch();
    if (!contacts.size) return;
    const send = preparePeople(this.#em, this.#of, [...contacts.values()], [...aliases.values()], isNew);
    const before = this.#writing;
    this.#writing = (async () => {
      await before;
      await send();
      for (const [id, survivor] of merges)
        await rows(this.#em, 'update contacts set merged_into = ? where merged_into = ?', [survivor, id]);
    })();
    // Told by `written`; until then nobody waits for it.
    this.#writing.catch(() => undefined);
  }
}

/** What one statement writes. */
interface Batch {
  contacts: Map<string, ContactRow>;
  aliases: Map<string, AliasRow>;
  /** Who was merged into whom, in this order: who pointed to the one points to the other. */
  merges: [id: string, survivor: string][];
  /** Nobody in it is in the database under any name. */
  isNew: boolean;
}

const emptyBatch = (): Batch => ({ contacts: new Map(), aliases: new Map(), merges: [], isNew: true });

/** A turn of the event loop, in which what was begun is sent. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
