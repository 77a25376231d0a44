import { afterMerge, afterSeen, fieldsOf, ownOf, type ContactAlias, type SeenContact } from '../../domain/contacts.ts';
import { newId } from '../../platform/ids.ts';
import type { Vault } from '../../platform/vault.ts';
import { arrayOf, bulk, rows, type Em } from '../connect.ts';
import { sealed } from '../sealed.ts';
import { loadContacts, prepareContacts, type ContactRow, type WritingOf } from './contact-rows.ts';

export interface Saving extends WritingOf {
  vault: Vault;
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

export const nameOfAlias = ({ kind, value }: ContactAlias): string => `${kind}:${value}`;

/** People that are written by one statement: while PostgreSQL works on them, the next ones are made ready. */
const atOnce = 200;

/** The people of a page that change. */
export class ContactPage {
  readonly #em: Em;
  readonly #of: Saving;
  readonly #known: Map<string, Known>;
  readonly #held = new Map<string, ContactRow>();
  /** Who is not in the database yet. */
  readonly #fresh = new Set<string>();
  #touched = new Map<string, ContactRow>();
  #hashes = new Map<string, AliasRow>();
  #writing: Promise<void> = Promise.resolve();

  constructor(em: Em, of: Saving, known: Map<string, Known>) {
    this.#em = em;
    this.#of = of;
    this.#known = known;
  }

  async load(aliases: ContactAlias[]): Promise<void> {
    const roots = new Set(aliases.flatMap((alias) => this.#known.get(nameOfAlias(alias))?.root ?? []));
    for (const [id, row] of await loadContacts(this.#em, this.#of.accountId, [...roots])) this.#held.set(id, row);
  }

  take(entry: SeenContact, aliases: ContactAlias[], hash: string): SavedPerson {
    const roots = [...new Set(aliases.flatMap((alias) => this.#known.get(nameOfAlias(alias))?.root ?? []))].sort();
    const held = roots.flatMap((id) => this.#held.get(id) ?? []);
    const isNew = held.length === 0;
    const row = held[0] ?? this.#empty(entry);
    for (const other of held.slice(1)) this.#merge(row, other);
    this.#see(row, entry, isNew);
    const { savedName, pushName, verifiedName } = row.fields;
    const named = (verifiedName ?? savedName ?? pushName) !== null;
    for (const [n, alias] of aliases.entries()) {
      const name = nameOfAlias(alias);
      const contactId = this.#known.get(name)?.contactId ?? row.id;
      this.#known.set(name, { contactId, root: row.id, hash: n === 0 ? hash : null, named });
      const before = this.#hashes.get(name)?.content_hash ?? null;
      this.#hashes.set(name, { ...alias, contact_id: contactId, content_hash: n === 0 ? hash : before });
    }
    return { contactId: row.id, outcome: isNew ? 'inserted' : 'updated', named };
  }

  #empty(entry: SeenContact): ContactRow {
    const row: ContactRow = {
      id: newId(),
      fields: fieldsOf(entry, this.#of.keep),
      edits: {},
      provenance: {},
      wasenderJid: entry.id,
      pictureAt: null,
      raw: null,
      mergedInto: null,
    };
    this.#held.set(row.id, row);
    this.#fresh.add(row.id);
    return row;
  }

  /** The entry under the person's own identity decides; a LID steps back once the person's number is known. */
  #see(row: ContactRow, entry: SeenContact, isNew: boolean): void {
    const better = row.wasenderJid === null || (row.wasenderJid.endsWith('@lid') && !entry.id.endsWith('@lid'));
    const decides = isNew || better || row.wasenderJid === entry.id;
    const at = this.#of.at.toISOString();
    if (decides) {
      row.wasenderJid = entry.id;
      const keepsRaw = this.#of.keep === null || this.#of.keep.has('raw');
      row.raw = keepsRaw ? this.#of.vault.seal(JSON.stringify(entry.raw), sealed.contactRaw(row.id)) : null;
    }
    if (!isNew) {
      const seen = fieldsOf(entry, this.#of.keep);
      const told = entry.pictureUrl !== undefined;
      Object.assign(
        row,
        afterSeen(row, told ? seen : { ...seen, profileImageUrl: row.fields.profileImageUrl }, decides, at),
      );
    }
    if (entry.pictureUrl !== undefined) row.pictureAt = at;
    this.#touched.set(row.id, row);
  }

  #merge(row: ContactRow, other: ContactRow): void {
    Object.assign(other, ownOf(other), { mergedInto: row.id });
    Object.assign(row, afterMerge(row, other, this.#of.at.toISOString()));
    this.#touched.set(other.id, other);
    for (const one of this.#known.values()) if (one.root === other.id) one.root = row.id;
  }

  /** Sends what was taken once it is enough for a statement; resolves when that is under way. */
  async send(): Promise<void> {
    if (this.#touched.size < atOnce) return;
    this.#write();
    await turn();
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
    const [contacts, aliases] = [[...this.#touched.values()], [...this.#hashes.values()]];
    this.#touched = new Map();
    this.#hashes = new Map();
    const isFresh = ({ id }: ContactRow): boolean => this.#fresh.has(id);
    const sendNew = prepareContacts(this.#em, this.#of, contacts.filter(isFresh), 'new');
    const sendKnown = prepareContacts(
      this.#em,
      this.#of,
      contacts.filter((one) => !isFresh(one)),
      'synced',
    );
    for (const { id } of contacts) this.#fresh.delete(id);
    const before = this.#writing;
    this.#writing = (async () => {
      await before;
      await sendNew();
      await sendKnown();
      for (const { id, mergedInto } of contacts)
        if (mergedInto)
          await rows(this.#em, 'update contacts set merged_into = ? where merged_into = ?', [mergedInto, id]);
      if (aliases.length) await writeAliases(this.#em, this.#of, aliases);
    })();
    // Told by `written`; until then nobody waits for it.
    this.#writing.catch(() => undefined);
  }
}

/** A turn of the event loop, in which what was begun is sent. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface AliasRow extends ContactAlias {
  contact_id: string;
  content_hash: string | null;
}

/** New aliases, and what is seen anew under known ones. */
async function writeAliases(em: Em, { accountId, tenantId }: Saving, aliases: AliasRow[]): Promise<void> {
  await bulk(
    em,
    `insert into contact_aliases (account_id, tenant_id, kind, value, contact_id, content_hash)
     select $1::uuid, $2::uuid, r.*
     from unnest($3::text[], $4::text[], $5::uuid[], $6::text[]) as r (kind, value, contact_id, content_hash)
     order by r.kind, r.value
     on conflict (account_id, kind, value) do update set content_hash = excluded.content_hash
     where excluded.content_hash is not null
       and contact_aliases.content_hash is distinct from excluded.content_hash`,
    [
      accountId,
      tenantId,
      arrayOf(aliases.map(({ kind }) => kind)),
      arrayOf(aliases.map(({ value }) => value)),
      arrayOf(aliases.map(({ contact_id: id }) => id)),
      arrayOf(aliases.map(({ content_hash: hash }) => hash)),
    ],
  );
}
