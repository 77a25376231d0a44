import { z } from 'zod';
import { providerNames, type ProviderName } from '../../domain/channels.ts';
import { displayName, type FieldOrigin } from '../../domain/contacts.ts';
import { formatPhone } from '../../domain/phone.ts';
import { arrayOf, rows, type Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import type { Contact } from '../../db/entities/contacts.ts';
import { sealed } from '../../db/sealed.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';

export const contactAnswer = z
  .object({
    id: z.string(),
    account_id: z.string(),
    phone_number: z.string().nullable().describe('E.164.'),
    display_phone: z.string().nullable().describe('The number as people write it.'),
    display_name: z.string().describe('Verified name, else name, else company, else the number.'),
    name: z.string().nullable().describe('Edited, else as saved in the phone, else the push name.'),
    verified_name: z.string().nullable(),
    push_name: z.string().nullable().describe('As the person calls themself.'),
    saved_name: z.string().nullable().describe("As saved in the owner's phone."),
    company: z.string().nullable(),
    profile_image_url: z.string().nullable(),
    whatsapp_status: z.string().nullable().describe("The person's text about themself."),
    is_business_account: z.boolean(),
    wasender_jid: z.string().nullable(),
    wasender_sync_status: z.enum(['synced', 'not_synced']),
    last_updated_from_wasender: time.nullable(),
    groups: z.array(z.string()),
    merged_into: z.string().nullable().describe('The contact that stands for this one.'),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Contact' });

const origin = z.object({
  source: z.enum(['provider', 'edit', 'merge', 'translation']),
  provider: z.enum(providerNames).nullable().describe('Null for an edit, also for one that a merge brought.'),
  field: z.string().optional().describe('Of a name: the field it was taken from.'),
  from: z
    .string()
    .optional()
    .describe('The merged contact that it was taken from, or under whose identity it was told.'),
  at: time,
});

export const wholeContactAnswer = contactAnswer
  .extend({
    aliases: z
      .array(z.object({ kind: z.enum(['jid', 'lid']), value: z.string() }))
      .describe('What the account knows the person by.'),
    provenance: z.record(z.string(), origin).describe('Where each field comes from, and since when.'),
    merged: z.array(z.string()).describe('The contacts that this one stands for.'),
    raw_wasender_data: z
      .unknown()
      .optional()
      .describe('For keys with the scope raw: as the provider told it; null once its time is over.'),
  })
  .meta({ id: 'WholeContact' });

type ContactView = z.input<typeof contactAnswer>;
export type WholeContactView = z.input<typeof wholeContactAnswer>;

/** The columns behind a contact in a list: without what the provider told raw, which may be long. */
type Listed = Pick<
  Contact,
  | 'id'
  | 'accountId'
  | 'phoneNumber'
  | 'name'
  | 'verifiedName'
  | 'pushName'
  | 'savedName'
  | 'company'
  | 'profileImageUrl'
  | 'whatsappStatus'
  | 'isBusinessAccount'
  | 'wasenderJid'
  | 'wasenderSyncStatus'
  | 'lastUpdatedFromWasender'
  | 'groups'
  | 'mergedInto'
  | 'createdAt'
  | 'updatedAt'
>;

/** A contact as lists show it. */
export const contactView = (contact: Listed): ContactView => ({
  id: contact.id,
  account_id: contact.accountId,
  phone_number: contact.phoneNumber,
  display_phone: contact.phoneNumber && formatPhone(contact.phoneNumber),
  display_name: displayName(contact),
  name: contact.name,
  verified_name: contact.verifiedName,
  push_name: contact.pushName,
  saved_name: contact.savedName,
  company: contact.company,
  profile_image_url: contact.profileImageUrl,
  whatsapp_status: contact.whatsappStatus,
  is_business_account: contact.isBusinessAccount,
  wasender_jid: contact.wasenderJid,
  wasender_sync_status: contact.wasenderSyncStatus,
  last_updated_from_wasender: wireTimeOrNull(contact.lastUpdatedFromWasender),
  groups: contact.groups,
  merged_into: contact.mergedInto,
  created_at: wireTime(contact.createdAt),
  updated_at: wireTime(contact.updatedAt),
});

/** All that is known of a contact; for keys with the scope raw, with the provider's entry opened (`keys`). */
export async function wholeContactView(em: Em, contact: Contact, keys: Keyset | null): Promise<WholeContactView> {
  const { provider } = await em.findOneOrFail(Account, { id: contact.accountId });
  const merged = await rows<{ id: string }>(em, 'select id from contacts where merged_into = ? order by id', [
    contact.id,
  ]);
  const aliases = await rows<WholeContactView['aliases'][number]>(
    em,
    'select kind, value from contact_aliases where contact_id = any(?::uuid[]) order by kind, value',
    [arrayOf([contact.id, ...merged.map(({ id }) => id)])],
  );
  return {
    ...contactView(contact),
    aliases: aliases.map(({ kind, value }) => ({ kind, value })),
    provenance: provenanceView(contact, provider),
    merged: merged.map(({ id }) => id),
    ...(keys ? { raw_wasender_data: rawOf(keys, contact) } : {}),
  };
}

const rawOf = (keys: Keyset, { id, rawWasenderData }: Contact): unknown =>
  rawWasenderData === null ? null : JSON.parse(keys.open(rawWasenderData, sealed.contactRaw(id)));

/** Fields by their names on the wire. */
const fieldNames = {
  phone_number: 'phoneNumber',
  saved_name: 'savedName',
  push_name: 'pushName',
  verified_name: 'verifiedName',
  company: 'company',
  profile_image_url: 'profileImageUrl',
  whatsapp_status: 'whatsappStatus',
  is_business_account: 'isBusinessAccount',
} as const;

/** A field without an entry comes from the provider at the contact's first sight. */
function provenanceView(contact: Contact, provider: ProviderName): WholeContactView['provenance'] {
  const first: FieldOrigin = { source: 'provider', at: wireTime(contact.createdAt) };
  const { edits } = contact;
  const view = ({ source, at, from }: FieldOrigin, edited = false) => ({
    source,
    provider: edited ? null : provider,
    at,
    ...(from === undefined ? {} : { from }),
  });
  const shown: WholeContactView['provenance'] = {};
  for (const [wire, name] of Object.entries(fieldNames)) {
    const entry = contact.provenance[name];
    if (entry || contact[name] !== null)
      shown[wire] = view(entry ?? first, name === 'company' && edits.company !== undefined);
  }
  if (contact.name === null) return shown;
  const field = contact.savedName === null ? 'push_name' : 'saved_name';
  const edit = edits.name === undefined ? undefined : contact.provenance.name;
  return { ...shown, name: edit ? view(edit, true) : { ...(shown[field] ?? view(first)), field } };
}
