import { createHash } from 'node:crypto';
import {
  aliasKinds,
  afterMerge,
  afterSeen,
  aliasesOf,
  contentOf,
  fieldsOf,
  withoutRepeats,
  type ContactAlias,
  type SeenContact,
} from '../../domain/contacts.ts';
import { newId } from '../../platform/ids.ts';
import type { Vault } from '../../platform/vault.ts';
import { arrayOf, rows, type Em } from '../connect.ts';
import { sealed } from '../sealed.ts';
import { loadContacts, writeContacts, type ContactRow, type WritingOf } from './contact-rows.ts';
import { lockContacts } from './lock.ts';

export interface Saving extends WritingOf {
  vault: Vault;
  /** The fields that the tenant keeps; null: all. */
  keep: ReadonlySet<string> | null;
}

/** What came of an entry. */
export interface SavedPerson {
  contactId: string;
  outcome: 'inserted' | 'updated' | 'unchanged';
  /** Has a verified, saved or push name. */
  named: boolean;
}

/** An alias in the database, or one that this page adds. */
interface Known {
  contactId: string;
  /** Who stands for that contact. */
  root: string;
  hash: string | null;
  named: boolean;
}

/**
 * Writes the people of a page: found again by any of their aliases, rewritten only where their entry says something
 * new, and two contacts that an entry shows to be one person become one. Answers what came of each entry, repeats of
 * one identity counted once; one person may still come under two aliases. Takes the account's lock.
 */
export async function saveContacts(em: Em, of: Saving, entries: readonly SeenContact[]): Promise<SavedPerson[]> {
  const people = withoutRepeats(entries).map((entry) => ({
    entry,
    aliases: aliasesOf(entry),
    hash: createHash('sha256').update(contentOf(entry, of.keep)).digest('base64url'),
  }));
  await lockContacts(em, of.accountId);
  const known = await knownAliases(
    em,
    of.accountId,
    people.flatMap(({ aliases }) => aliases),
  );
  const page = new Page(em, of, known);

  const saved: SavedPerson[] = [];
  const changed: { at: number; person: (typeof people)[number] }[] = [];
  for (const [at, person] of people.entries()) {
    const same = unchangedAs(known, person.aliases, person.hash);
    saved.push({ contactId: same?.root ?? '', outcome: 'unchanged', named: same?.named ?? false });
    if (!same) changed.push({ at, person });
  }
  await page.load(changed.flatMap(({ person }) => person.aliases));
  for (const { at, person } of changed) saved[at] = page.take(person.entry, person.aliases, person.hash);
  await page.write();
  return saved;
}

const nameOfAlias = ({ kind, value }: ContactAlias): string => `${kind}:${value}`;

/**
 * The aliases that are known, with who stands for each. Steps that each read an index by a list: of a join the planner,
 * which has seen no statistics of a table that has just been filled, makes a loop over all of it.
 */
async function knownAliases(em: Em, accountId: string, aliases: ContactAlias[]): Promise<Map<string, Known>> {
  const found = await rows<ContactAlias & { contact_id: string; content_hash: string | null }>(
    em,
    `select kind, value, contact_id, content_hash from contact_aliases
     where account_id = ? and kind = any(?::text[]) and value = any(?::text[])`,
    [accountId, arrayOf(aliasKinds), arrayOf(aliases.map(({ value }) => value))],
  );
  const contacts = await namesOf(
    em,
    found.map(({ contact_id: id }) => id),
  );
  const merged = [...contacts.values()].flatMap(({ merged_into: root }) => root ?? []);
  const roots = merged.length ? await namesOf(em, merged) : contacts;
  return new Map(
    found.map(({ kind, value, contact_id: contactId, content_hash: hash }) => {
      const root = contacts.get(contactId)?.merged_into ?? contactId;
      const named = (roots.get(root) ?? contacts.get(root))?.named ?? false;
      return [nameOfAlias({ kind, value }), { contactId, root, hash, named }];
    }),
  );
}

interface Standing {
  id: string;
  merged_into: string | null;
  named: boolean;
}

async function namesOf(em: Em, ids: readonly string[]): Promise<Map<string, Standing>> {
  const found = await rows<Standing>(
    em,
    `select id, merged_into, coalesce(verified_name, saved_name, push_name) is not null as named
     from contacts where id = any(?::uuid[])`,
    [arrayOf([...new Set(ids)])],
  );
  return new Map(found.map((one) => [one.id, one]));
}

/** The person when the entry under its own identity is what it was, and tells no alias that is new or somebody else's. */
function unchangedAs(known: ReadonlyMap<string, Known>, aliases: ContactAlias[], hash: string): Known | null {
  const found = aliases.map((alias) => known.get(nameOfAlias(alias)));
  const own = found[0];
  return own?.hash === hash && found.every((one) => one?.root === own.root) ? own : null;
}

/** The people of a page that change, in memory until they are written together. */
class Page {
  readonly #em: Em;
  readonly #of: Saving;
  readonly #known: Map<string, Known>;
  readonly #held = new Map<string, ContactRow>();
  readonly #touched = new Map<string, ContactRow>();
  readonly #hashes = new Map<string, ContactAlias & { contact_id: string; content_hash: string | null }>();

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
    Object.assign(row, afterMerge(row, other, this.#of.at.toISOString()));
    other.mergedInto = row.id;
    this.#touched.set(other.id, other);
    for (const one of this.#known.values()) if (one.root === other.id) one.root = row.id;
  }

  async write(): Promise<void> {
    const touched = [...this.#touched.values()];
    await writeContacts(this.#em, this.#of, touched, true);
    const merged = touched.filter(({ mergedInto }) => mergedInto !== null);
    for (const { id, mergedInto } of merged)
      await rows(this.#em, 'update contacts set merged_into = ? where merged_into = ?', [mergedInto, id]);
    if (!this.#hashes.size) return;
    await rows(
      this.#em,
      `insert into contact_aliases (account_id, kind, value, tenant_id, contact_id, content_hash)
       select ?::uuid, r.kind, r.value, ?::uuid, r.contact_id, r.content_hash
       from jsonb_to_recordset(?::jsonb) as r (kind text, value text, contact_id uuid, content_hash text)
       order by r.kind, r.value
       on conflict (account_id, kind, value) do update set content_hash = excluded.content_hash
       where excluded.content_hash is not null
         and contact_aliases.content_hash is distinct from excluded.content_hash`,
      [this.#of.accountId, this.#of.tenantId, JSON.stringify([...this.#hashes.values()])],
    );
  }
}
