import { z } from 'zod';
import { displayName } from '../../domain/contacts.ts';
import { identityKinds } from '../../domain/identities.ts';
import { formatPhone } from '../../domain/phone.ts';
import type { Contact, ListedContact } from '../../db/entities/contacts.ts';
import { sealed } from '../../db/sealed.ts';
import type { Keyset } from '../../platform/keyset.ts';
import type { ContactDetails } from '../../services/contacts/find-contacts.ts';
import { onlyFor } from '../http/schemas.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { providerName } from './provider-name.ts';

export const contactAnswer = z
  .object({
    id: z.string(),
    account_id: z.string(),
    phone_number: z.string().nullable().describe('E.164.'),
    display_phone: z.string().nullable().describe('The number as people write it.'),
    display_name: z.string().describe('Verified name, else name, else company, else the number.'),
    name: z.string().nullable().describe('Edited, else as saved in the phone, else the push name.'),
    verified_name: z.string().nullable(),
    push_name: z.string().nullable().describe('As the person named themself.'),
    saved_name: z.string().nullable().describe("As saved in the owner's phone."),
    company: z.string().nullable(),
    profile_image_url: z.string().nullable(),
    whatsapp_status: z.string().nullable().describe("The person's text about themself."),
    is_business_account: z.boolean(),
    wasender_jid: z.string().nullable(),
    wasender_sync_status: z.enum(['synced', 'not_synced']),
    last_updated_from_wasender: time.nullable(),
    missing_since: time
      .nullable()
      .describe('Since when syncs of the whole address book no longer find the person; null: it is there.'),
    groups: z.array(z.string()),
    merged_into: z.string().nullable().describe('The contact that stands for this one.'),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Contact' });

const origin = z.object({
  source: z.enum(['provider', 'edit', 'merge', 'translation']),
  provider: providerName.nullable().describe('Null for an edit, also for one that a merge brought.'),
  field: z.string().optional().describe('Of a name: the field it was taken from.'),
  from: z
    .string()
    .optional()
    .describe('The merged contact that it was taken from, or that has the identity of the entry.'),
  at: time,
});

export const wholeContactAnswer = contactAnswer
  .extend({
    aliases: z
      .array(z.object({ kind: z.enum(identityKinds), value: z.string() }))
      .describe('What the account knows the person by.'),
    provenance: z.record(z.string(), origin).describe('Where each field comes from, and since when.'),
    merged: z.array(z.string()).describe('The contacts that this one stands for.'),
    raw_wasender_data: onlyFor(
      'raw',
      z
        .unknown()
        .optional()
        .describe("For keys with the scope raw: the provider's entry as it came; null once its time is over."),
    ),
  })
  .meta({ id: 'WholeContact' });

type ContactView = z.input<typeof contactAnswer>;
export type WholeContactView = z.input<typeof wholeContactAnswer>;

/** A contact as lists show it. */
export const contactView = (contact: ListedContact): ContactView => ({
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
  wasender_jid: contact.identity,
  wasender_sync_status: contact.syncStatus,
  last_updated_from_wasender: wireTimeOrNull(contact.updatedFromProviderAt),
  missing_since: wireTimeOrNull(contact.missingSince),
  groups: contact.groups,
  merged_into: contact.mergedInto,
  created_at: wireTime(contact.createdAt),
  updated_at: wireTime(contact.updatedAt),
});

/** All that is known of a contact; for keys with the scope raw, with the provider's entry opened (`keys`). */
export const wholeContactView = (contact: Contact, details: ContactDetails, keys: Keyset | null): WholeContactView => ({
  ...contactView(contact),
  ...details,
  ...(keys ? { raw_wasender_data: rawOf(keys, contact) } : {}),
});

const rawOf = (keys: Keyset, { id, raw }: Contact): unknown =>
  raw === null ? null : JSON.parse(keys.open(raw, sealed.contactRaw(id)));
