import type { ContactEdits, ContactFields, Provenance } from '../../domain/contacts.ts';
import { nameOf } from '../../domain/contacts.ts';
import { arrayOf, rows, type Em } from '../connect.ts';

/** A contact as its writers hold it. Times are RFC 3339. */
export interface ContactRow {
  id: string;
  fields: ContactFields;
  edits: ContactEdits;
  provenance: Provenance;
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
  const found = await rows<{ contact: Stored }>(
    em,
    `select to_jsonb(c) as contact from contacts c where c.account_id = ? and c.id = any(?::uuid[])`,
    [accountId, arrayOf(ids)],
  );
  return new Map(found.map(({ contact }) => [contact.id, rowOf(contact)]));
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

/** Writes whole contacts, new or not, in one statement; what came from WASender is marked as synced with it. */
export async function writeContacts(
  em: Em,
  { tenantId, accountId, at }: WritingOf,
  written: readonly ContactRow[],
  synced: boolean,
): Promise<void> {
  if (!written.length) return;
  const stored = written.map(
    ({ id, fields, edits, provenance, wasenderJid, pictureAt, raw, mergedInto }): Stored & { name: string | null } => ({
      id,
      phone_number: fields.phoneNumber,
      saved_name: fields.savedName,
      push_name: fields.pushName,
      name: nameOf(fields, edits),
      verified_name: fields.verifiedName,
      company: fields.company,
      profile_image_url: fields.profileImageUrl,
      whatsapp_status: fields.whatsappStatus,
      is_business_account: fields.isBusinessAccount,
      edits,
      provenance,
      wasender_jid: wasenderJid,
      picture_at: pictureAt,
      raw_wasender_data: raw,
      merged_into: mergedInto,
    }),
  );
  await rows(em, synced ? writeSynced : writeOnly, [tenantId, accountId, at, at, at, JSON.stringify(stored)]);
}

const columns = [
  'phone_number',
  'saved_name',
  'push_name',
  'name',
  'verified_name',
  'company',
  'profile_image_url',
  'picture_at',
  'whatsapp_status',
  'is_business_account',
  'wasender_jid',
  'raw_wasender_data',
  'provenance',
  'edits',
  'merged_into',
] as const;

/** Sorted by id: the writers of one table then lock its rows in one order. */
const write = (synced: boolean): string => `
insert into contacts (id, tenant_id, account_id, created_at, updated_at, last_updated_from_wasender,
  wasender_sync_status, ${columns.join(', ')})
select r.id, p.tenant_id, p.account_id, p.created_at, p.updated_at, ${synced ? 'p.synced_at' : 'null'},
  '${synced ? 'synced' : 'not_synced'}', ${columns.map((name) => `r.${name}`).join(', ')}
from (select ?::uuid as tenant_id, ?::uuid as account_id, ?::timestamptz as created_at, ?::timestamptz as updated_at,
  ?::timestamptz as synced_at) p,
  jsonb_to_recordset(?::jsonb) as r (id uuid, phone_number text, saved_name text, push_name text, name text,
    verified_name text, company text, profile_image_url text, picture_at timestamptz, whatsapp_status text,
    is_business_account boolean, wasender_jid text, raw_wasender_data text, provenance jsonb, edits jsonb,
    merged_into uuid)
order by r.id
on conflict (id) do update set updated_at = excluded.updated_at,
  ${synced ? 'last_updated_from_wasender = excluded.last_updated_from_wasender, wasender_sync_status = excluded.wasender_sync_status,' : ''}
  ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`;
const writeSynced = write(true);
const writeOnly = write(false);
