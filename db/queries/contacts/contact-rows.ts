import type { ContactAlias, ContactEdits, ContactFields, Provenance } from '../../../domain/contacts.ts';
import { nameOf } from '../../../domain/contacts.ts';
import { arrayOf, bulk, rows, type Em } from '../../connect.ts';

/** A contact as its writers hold it. Times are RFC 3339. */
export interface ContactRow {
  id: string;
  fields: ContactFields;
  edits: ContactEdits;
  provenance: Provenance;
  groups: readonly string[];
  wasenderJid: string | null;
  /** When the picture's address was last told. */
  pictureAt: string | null;
  raw: string | null;
  mergedInto: string | null;
}

interface Stored {
  id: string;
  phone_number: string | null;
  saved_name: string | null;
  push_name: string | null;
  verified_name: string | null;
  company: string | null;
  profile_image_url: string | null;
  whatsapp_status: string | null;
  is_business_account: boolean;
  edits: ContactEdits;
  provenance: Provenance;
  groups: string[];
  wasender_jid: string | null;
  picture_at: string | null;
  raw_wasender_data: string | null;
  merged_into: string | null;
}

/** Contacts by id, for a writer that holds the account's lock. */
export async function loadContacts(
  em: Em,
  accountId: string,
  ids: readonly string[],
): Promise<Map<string, ContactRow>> {
  if (!ids.length) return new Map();
  const found = await loadBy(em, accountId, 'id', ids);
  return new Map(found.map((row) => [row.id, row]));
}

/** The contacts that were merged into these, by age; for a writer that holds the account's lock. */
export const loadMerged = (em: Em, accountId: string, survivors: readonly string[]): Promise<ContactRow[]> =>
  loadBy(em, accountId, 'merged_into', survivors);

async function loadBy(
  em: Em,
  accountId: string,
  column: 'id' | 'merged_into',
  ids: readonly string[],
): Promise<ContactRow[]> {
  // As a sub-select, so that the planner takes the index also of a table that it knows nothing of yet.
  const found = await rows<{ contact: Stored }>(
    em,
    `select to_jsonb(c) as contact from contacts c
     where c.account_id = ? and c.${column} = any(array(select unnest(?::uuid[]))) order by c.id`,
    [accountId, arrayOf(ids)],
  );
  return found.map(({ contact }) => rowOf(contact));
}

const rowOf = (stored: Stored): ContactRow => ({
  id: stored.id,
  fields: {
    phoneNumber: stored.phone_number,
    savedName: stored.saved_name,
    pushName: stored.push_name,
    verifiedName: stored.verified_name,
    company: stored.company,
    profileImageUrl: stored.profile_image_url,
    whatsappStatus: stored.whatsapp_status,
    isBusinessAccount: stored.is_business_account,
  },
  edits: stored.edits,
  provenance: stored.provenance,
  groups: stored.groups,
  wasenderJid: stored.wasender_jid,
  pictureAt: stored.picture_at,
  raw: stored.raw_wasender_data,
  mergedInto: stored.merged_into,
});

/** Whose contacts are written, and when. */
export interface WritingOf {
  tenantId: string;
  accountId: string;
  at: Date;
}

/** An alias as its writers hold it; the hash stands under the identity that an entry was seen by. */
export interface AliasRow extends ContactAlias {
  contactId: string;
  hash: string | null;
}

/** Writes whole contacts, new or not, that were changed otherwise than by an entry of the provider. */
export async function writeContacts(em: Em, of: WritingOf, written: readonly ContactRow[]): Promise<void> {
  if (written.length)
    await bulk(em, insert(false, contactColumns) + overwrite(false), parametersOf(of, written, contactColumns));
}

/**
 * People as the provider shows them, with their aliases, in one statement: made ready now, and sent by the call that it
 * answers. `isNew` says that nobody of them is in the database.
 */
export function preparePeople(
  em: Em,
  of: WritingOf,
  written: readonly ContactRow[],
  aliases: readonly AliasRow[],
  isNew: boolean,
): () => Promise<void> {
  const parameters = [
    ...parametersOf(of, written, isNew ? newColumns : contactColumns),
    ...aliasColumns.map(({ of: value }) => arrayOf(aliases.map(value))),
  ];
  return async () => {
    await bulk(em, isNew ? newPeople : knownPeople, parameters);
  };
}

const parametersOf = (
  { tenantId, accountId, at }: WritingOf,
  written: readonly ContactRow[],
  columns: readonly Column<ContactRow>[],
): unknown[] => [tenantId, accountId, at, ...columns.map(({ of }) => arrayOf(written.map(of)))];

interface Column<Row> {
  name: string;
  type: string;
  /** What it is stored as, where a list of lists would have to be sent otherwise. */
  cast?: string;
  /** Nobody has it when first seen: the default stands. */
  isLater?: true;
  of: (row: Row) => string | boolean | null;
}

const contactColumns: readonly Column<ContactRow>[] = [
  { name: 'id', type: 'uuid', of: ({ id }) => id },
  { name: 'phone_number', type: 'text', of: ({ fields }) => fields.phoneNumber },
  { name: 'saved_name', type: 'text', of: ({ fields }) => fields.savedName },
  { name: 'push_name', type: 'text', of: ({ fields }) => fields.pushName },
  { name: 'name', type: 'text', of: ({ fields, edits }) => nameOf(fields, edits) },
  { name: 'verified_name', type: 'text', of: ({ fields }) => fields.verifiedName },
  { name: 'company', type: 'text', of: ({ fields }) => fields.company },
  { name: 'profile_image_url', type: 'text', of: ({ fields }) => fields.profileImageUrl },
  { name: 'picture_at', type: 'timestamptz', of: ({ pictureAt }) => pictureAt },
  { name: 'whatsapp_status', type: 'text', of: ({ fields }) => fields.whatsappStatus },
  { name: 'is_business_account', type: 'boolean', of: ({ fields }) => fields.isBusinessAccount },
  { name: 'wasender_jid', type: 'text', of: ({ wasenderJid }) => wasenderJid },
  { name: 'raw_wasender_data', type: 'text', of: ({ raw }) => raw },
  { name: 'provenance', type: 'jsonb', isLater: true, of: ({ provenance }) => JSON.stringify(provenance) },
  { name: 'edits', type: 'jsonb', isLater: true, of: ({ edits }) => JSON.stringify(edits) },
  {
    name: 'groups',
    type: 'text',
    cast: 'text[]',
    isLater: true,
    of: ({ groups }) => (groups.length ? arrayOf(groups) : '{}'),
  },
  { name: 'merged_into', type: 'uuid', isLater: true, of: ({ mergedInto }) => mergedInto },
];
const aliasColumns: readonly Column<AliasRow>[] = [
  { name: 'kind', type: 'text', of: ({ kind }) => kind },
  { name: 'value', type: 'text', of: ({ value }) => value },
  { name: 'contact_id', type: 'uuid', of: ({ contactId }) => contactId },
  { name: 'content_hash', type: 'text', of: ({ hash }) => hash },
];
const newColumns = contactColumns.filter(({ isLater }) => !isLater);
const namesOf = (columns: readonly { name: string }[]): string => columns.map(({ name }) => name).join(', ');

/** Columns that are sent as a list each, as rows; PostgreSQL reads them in two thirds of the time that JSON takes. */
const unnest = <Row>(columns: readonly Column<Row>[], from: number): string =>
  `unnest(${columns.map(({ type }, n) => `$${from + n}::${type}[]`).join(', ')}) as r (${namesOf(columns)})`;

/** Sorted by id: rows that come later stand later in every index by id. */
const insert = (synced: boolean, columns: readonly Column<ContactRow>[]): string => `
insert into contacts (tenant_id, account_id, created_at, updated_at, last_updated_from_wasender,
  wasender_sync_status, ${namesOf(columns)})
select $1::uuid, $2::uuid, $3::timestamptz, $3::timestamptz, ${synced ? '$3::timestamptz' : 'null'},
  '${synced ? 'synced' : 'not_synced'}', ${columns.map(({ name, cast }) => (cast ? `r.${name}::${cast}` : `r.${name}`)).join(', ')}
from ${unnest(columns, 4)}
order by r.id`;
const overwrite = (synced: boolean): string => `
on conflict (id) do update set updated_at = excluded.updated_at,
  ${synced ? 'last_updated_from_wasender = excluded.last_updated_from_wasender, wasender_sync_status = excluded.wasender_sync_status,' : ''}
  ${contactColumns
    .slice(1)
    .map(({ name }) => `${name} = excluded.${name}`)
    .join(', ')}`;

/** Aliases, whose parameters follow those of that many columns. */
const insertAliases = (after: number): string => `
insert into contact_aliases (tenant_id, account_id, ${namesOf(aliasColumns)})
select $1::uuid, $2::uuid, r.* from ${unnest(aliasColumns, 4 + after)}
order by r.kind, r.value`;
const overwriteHashes = `
on conflict (account_id, kind, value) do update set content_hash = excluded.content_hash
where excluded.content_hash is not null and contact_aliases.content_hash is distinct from excluded.content_hash`;

const newPeople = `with people as (${insert(true, newColumns)}) ${insertAliases(newColumns.length)}`;
const knownPeople = `with people as (${insert(true, contactColumns)}${overwrite(true)}) ${insertAliases(contactColumns.length)}${overwriteHashes}`;
