import type { ContactEdits, ContactFields, Provenance } from '../../domain/contacts.ts';
import { nameOf } from '../../domain/contacts.ts';
import { arrayOf, bulk, rows, type Em } from '../connect.ts';

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
export const writeContacts = (em: Em, of: WritingOf, written: readonly ContactRow[], synced: boolean): Promise<void> =>
  prepareContacts(em, of, written, synced ? 'synced' : 'changed')();

/** The same, made ready now and sent by the call that it answers. */
export function prepareContacts(
  em: Em,
  { tenantId, accountId, at }: WritingOf,
  written: readonly ContactRow[],
  as: keyof typeof statements,
): () => Promise<void> {
  if (!written.length) return () => Promise.resolve();
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
  const text = JSON.stringify(stored);
  return async () => {
    await bulk(em, statements[as], [tenantId, accountId, at, text]);
  };
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

/** Sorted by id: rows that come later stand later in every index by id. */
const insert = (synced: boolean): string => `
insert into contacts (id, tenant_id, account_id, created_at, updated_at, last_updated_from_wasender,
  wasender_sync_status, ${columns.join(', ')})
select r.id, $1::uuid, $2::uuid, $3::timestamptz, $3::timestamptz, ${synced ? '$3::timestamptz' : 'null'},
  '${synced ? 'synced' : 'not_synced'}', ${columns.map((name) => `r.${name}`).join(', ')}
from jsonb_to_recordset($4::jsonb) as r (id uuid, phone_number text, saved_name text, push_name text, name text,
  verified_name text, company text, profile_image_url text, picture_at timestamptz, whatsapp_status text,
  is_business_account boolean, wasender_jid text, raw_wasender_data text, provenance jsonb, edits jsonb,
  merged_into uuid)
order by r.id`;
const overwrite = (synced: boolean): string => `
on conflict (id) do update set updated_at = excluded.updated_at,
  ${synced ? 'last_updated_from_wasender = excluded.last_updated_from_wasender, wasender_sync_status = excluded.wasender_sync_status,' : ''}
  ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`;

/** People who are new and seen at WASender, who are known and were seen there, and who were changed otherwise. */
const statements = {
  new: insert(true),
  synced: insert(true) + overwrite(true),
  changed: insert(false) + overwrite(false),
};
