import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { contactFields, fieldNames, type ContactFields } from '../../../domain/contact-fields.ts';
import { nameOf, type ContactEdits, type Provenance } from '../../../domain/contacts.ts';
import type { Identity } from '../../../domain/identities.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

/** Times are RFC 3339. */
export interface ContactRow {
  id: string;
  fields: ContactFields;
  edits: ContactEdits;
  provenance: Provenance;
  groups: readonly string[];
  identity: string | null;
  pictureAt: string | null;
  /** Sealed, or how it is sealed when it is written. */
  raw: string | (() => string) | null;
  mergedInto: string | null;
}

export async function loadContacts(
  em: Em,
  accountId: string,
  ids: readonly string[],
): Promise<Map<string, ContactRow>> {
  if (!ids.length) return new Map();
  const found = await loadBy(em, accountId, 'id', ids);
  return new Map(found.map((row) => [row.id, row]));
}

/** The contacts merged into these, by age; for a writer that holds the account's lock. */
export const loadMerged = (em: Em, accountId: string, survivors: readonly string[]): Promise<ContactRow[]> =>
  loadBy(em, accountId, 'merged_into', survivors);

async function loadBy(
  em: Em,
  accountId: string,
  column: 'id' | 'merged_into',
  ids: readonly string[],
): Promise<ContactRow[]> {
  // As a sub-select, so that the planner uses the index also for a table without statistics.
  const found = await rows<{ contact: Stored }>(
    em,
    sql`select to_jsonb(c) as contact from contacts c
        where c.account_id = ${accountId} and c.${sql.ref(column)} = any(array(select unnest(${ids}::uuid[])))
        order by c.id`,
  );
  return found.map(({ contact }) => rowOf(contact));
}

type Stored = Record<string, string | boolean | null> & {
  id: string;
  edits: ContactEdits;
  provenance: Provenance;
  groups: string[];
  wasender_jid: string | null;
  picture_at: string | null;
  raw_wasender_data: string | null;
  merged_into: string | null;
};

const rowOf = (stored: Stored): ContactRow => ({
  id: stored.id,
  fields: Object.fromEntries(fieldNames.map((name) => [name, stored[contactFields[name].column]])) as ContactFields,
  edits: stored.edits,
  provenance: stored.provenance,
  groups: stored.groups,
  identity: stored.wasender_jid,
  pictureAt: stored.picture_at,
  raw: stored.raw_wasender_data,
  mergedInto: stored.merged_into,
});

/** The contact is known by another alias from now on; the next sync fills it. */
export function dropIdentity(row: ContactRow, identity: string | null): void {
  const { profileImageUrl: _origin, ...provenance } = row.provenance;
  Object.assign(row, {
    identity,
    raw: null,
    pictureAt: null,
    fields: { ...row.fields, profileImageUrl: null },
    provenance,
  });
}

/** The account whose contacts are written, and when. */
export interface WritingOf {
  tenantId: string;
  accountId: string;
  at: Date;
}

/** The hash belongs to the identity of an entry. */
export interface AliasRow extends Identity {
  contactId: string;
  /** Null: as it was. */
  hash: string | null;
  pair: string | null;
}

/** Writes whole contacts that changed otherwise than by an entry of the provider. */
export async function writeContacts(em: Em, of: WritingOf, written: readonly ContactRow[]): Promise<void> {
  if (written.length) await rows(em, sql`${insert(of, contactColumns, written, false)} ${overwrite(false)}`);
}

/** New contacts of one statement. */
const newAtOnce = 500;

/** Writes contacts and their aliases. `isNew`: none of them is in the database. */
export async function writePeople(
  em: Em,
  of: WritingOf,
  written: readonly ContactRow[],
  aliases: readonly AliasRow[],
  isNew: boolean,
): Promise<void> {
  await inTurn(em, isNew ? newPeople(of, written, aliases) : [changedPeople(of, written, aliases)]);
}

// Aliases first: contacts take longer to make, and are made while PostgreSQL works.
function* newPeople(of: WritingOf, written: readonly ContactRow[], aliases: readonly AliasRow[]): Generator<Sql> {
  yield insertAliases(of, aliases);
  for (let at = 0; at < written.length; at += newAtOnce)
    yield insert(of, newColumns, written.slice(at, at + newAtOnce), true);
}

// In one statement: a contact may be merged into a later one.
const changedPeople = (of: WritingOf, written: readonly ContactRow[], aliases: readonly AliasRow[]): Sql =>
  sql`with people as (${insert(of, contactColumns, written, true)} ${overwrite(true)})
      ${insertAliases(of, aliases)} ${overwriteAliases}`;

/** Executes statements one after another; the next one is made while PostgreSQL works. */
async function inTurn(em: Em, statements: Iterable<Sql>): Promise<void> {
  let working: Promise<unknown> = Promise.resolve();
  for (const statement of statements) {
    await working;
    working = rows(em, statement);
    // A failure is seen when the next statement is ready.
    working.catch(() => {});
    // The statement is sent before the next one is made.
    await yieldToEventLoop();
  }
  await working;
}

/** Removes aliases that no contact has any more. */
export async function dropAliases(em: Em, accountId: string, values: readonly string[]): Promise<void> {
  await rows(
    em,
    sql`delete from contact_aliases
        where account_id = ${accountId} and kind in ('jid', 'lid') and value = any(${values}::text[])`,
  );
}

interface Column<Row> {
  name: string;
  type: string;
  of: (row: Row) => string | boolean | null;
  value?: string;
  /** A new contact has the default. */
  isLater?: true;
}

const contactColumns: readonly Column<ContactRow>[] = [
  { name: 'id', type: 'uuid', of: ({ id }) => id },
  ...fieldNames.map((name) => ({
    name: contactFields[name].column,
    type: contactFields[name].type,
    of: ({ fields }: ContactRow) => fields[name],
  })),
  { name: 'name', type: 'text', of: ({ fields, edits }) => nameOf(fields, edits) },
  { name: 'picture_at', type: 'timestamptz', of: ({ pictureAt }) => pictureAt },
  { name: 'wasender_jid', type: 'text', of: ({ identity }) => identity },
  { name: 'raw_wasender_data', type: 'text', of: ({ raw }) => (typeof raw === 'function' ? raw() : raw) },
  { name: 'provenance', type: 'jsonb', isLater: true, of: ({ provenance }) => JSON.stringify(provenance) },
  { name: 'edits', type: 'jsonb', isLater: true, of: ({ edits }) => JSON.stringify(edits) },
  {
    name: 'groups',
    // PostgreSQL has no array of lists of different lengths.
    type: 'jsonb',
    value: 'array(select jsonb_array_elements_text(r.groups))',
    isLater: true,
    of: ({ groups }) => JSON.stringify(groups),
  },
  { name: 'merged_into', type: 'uuid', isLater: true, of: ({ mergedInto }) => mergedInto },
];
const aliasColumns: readonly Column<AliasRow>[] = [
  { name: 'kind', type: 'text', of: ({ kind }) => kind },
  { name: 'value', type: 'text', of: ({ value }) => value },
  { name: 'contact_id', type: 'uuid', of: ({ contactId }) => contactId },
  { name: 'content_hash', type: 'text', of: ({ hash }) => hash },
  { name: 'pair', type: 'text', of: ({ pair }) => pair },
];
const newColumns = contactColumns.filter(({ isLater }) => !isLater);
const namesOf = (columns: readonly { name: string }[]) => sql.join(columns.map(({ name }) => sql.ref(name)));

// A list per column, which PostgreSQL reads in two thirds of the time of JSON.
const unnest = <Row>(columns: readonly Column<Row>[], written: readonly Row[]) =>
  sql`unnest(${sql.join(columns.map(({ type, of }) => sql`${arrayText(written.map(of))}::${sql.raw(type)}[]`))})
      as r (${namesOf(columns)})`;

/** A list as PostgreSQL reads it. pg would make it when the statement is sent: here the one before is executed meanwhile. */
const arrayText = (values: readonly (string | boolean | null)[]): string => `{${values.map(elementText).join(',')}}`;

const elementText = (value: string | boolean | null): string =>
  typeof value === 'string'
    ? `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`
    : value === null
      ? 'NULL'
      : String(value);

// Sorted by id: later rows go to the end of every index by id.
const insert = (
  { tenantId, accountId, at }: WritingOf,
  columns: readonly Column<ContactRow>[],
  written: readonly ContactRow[],
  isSynced: boolean,
) => sql`
  insert into contacts (tenant_id, account_id, created_at, updated_at, last_updated_from_wasender, wasender_sync_status,
    ${namesOf(columns)})
  select ${tenantId}::uuid, ${accountId}::uuid, now.at, now.at, ${isSynced ? sql`now.at` : null}::timestamptz,
    ${isSynced ? 'synced' : 'not_synced'}, ${sql.join(columns.map(({ name, value }) => sql.raw(value ?? `r.${name}`)))}
  from ${unnest(columns, written)}, (select ${at}::timestamptz as at) now
  order by r.id`;

const insertAliases = ({ tenantId, accountId }: WritingOf, aliases: readonly AliasRow[]) => sql`
  insert into contact_aliases (tenant_id, account_id, ${namesOf(aliasColumns)})
  select ${tenantId}::uuid, ${accountId}::uuid, r.* from ${unnest(aliasColumns, aliases)}
  order by r.kind, r.value`;

const overwrite = (isSynced: boolean) => sql`
  on conflict (id) do update set ${sql.raw(
    [
      'updated_at',
      ...(isSynced ? ['last_updated_from_wasender', 'wasender_sync_status'] : []),
      ...contactColumns.slice(1).map(({ name }) => name),
    ]
      .map((name) => `${name} = excluded.${name}`)
      .join(', '),
  )}`;

const overwriteAliases = sql`
  on conflict (account_id, kind, value) do update set contact_id = excluded.contact_id, pair = excluded.pair,
    content_hash = coalesce(excluded.content_hash, contact_aliases.content_hash)
  where (contact_aliases.contact_id, contact_aliases.pair, contact_aliases.content_hash) is distinct from
    (excluded.contact_id, excluded.pair, coalesce(excluded.content_hash, contact_aliases.content_hash))`;
