import { defineEntity, p } from '@mikro-orm/core';
import type { FieldName } from '../../domain/contact-fields.ts';
import type { ContactEdits, Provenance } from '../../domain/contacts.ts';
import type { IdentityKind } from '../../domain/identities.ts';

const ContactSchema = defineEntity({
  name: 'Contact',
  tableName: 'contacts',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    /** E.164; an attribute, never the key. */
    phoneNumber: p.text().strictNullable(),
    /** As saved in the owner's phone. */
    savedName: p.text().strictNullable(),
    /** As the person calls themself. */
    pushName: p.text().strictNullable(),
    /** Edited, else saved, else push name. */
    name: p.text().strictNullable(),
    verifiedName: p.text().strictNullable(),
    company: p.text().strictNullable(),
    /** Expires at the provider. */
    profileImageUrl: p.text().strictNullable(),
    /** When the provider last gave the picture's address; null: never, or the picture changed since. */
    pictureAt: p.datetime().strictNullable(),
    /** When the number behind the LID was asked for, which is done once. */
    lidAskedAt: p.datetime().strictNullable(),
    /** The person's text about themself. */
    whatsappStatus: p.text().strictNullable(),
    isBusinessAccount: p.boolean(),
    /** The alias whose entry decides; its column and the next three have names that operators rely on. */
    identity: p.text().name('wasender_jid').strictNullable(),
    syncStatus: p.text().name('wasender_sync_status').$type<'synced' | 'not_synced'>(),
    updatedFromProviderAt: p.datetime().name('last_updated_from_wasender').strictNullable(),
    /** The provider's entry as it came, sealed; null once its time is over. */
    raw: p.text().name('raw_wasender_data').strictNullable(),
    provenance: p.json().$type<Provenance>(),
    edits: p.json().$type<ContactEdits>(),
    /** The tenant's own labels. */
    groups: p.array().$type<string[]>(),
    /** Since when whole syncs no longer find the person; null: found, or no whole sync has ended yet. */
    missingSince: p.datetime().strictNullable(),
    /** The contact that stands for this one as well. */
    mergedInto: p.uuid().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
/** A person in the address book of one account. */
export class Contact extends ContactSchema.class {}
ContactSchema.setClass(Contact);
/** A contact as lists show it: without the provider's entry, which may be long. */
export type ListedContact = Pick<
  Contact,
  | FieldName
  | 'id'
  | 'accountId'
  | 'name'
  | 'identity'
  | 'syncStatus'
  | 'updatedFromProviderAt'
  | 'groups'
  | 'mergedInto'
  | 'createdAt'
  | 'updatedAt'
>;

const ContactAliasSchema = defineEntity({
  name: 'ContactAlias',
  tableName: 'contact_aliases',
  properties: {
    accountId: p.uuid().primary(),
    kind: p.text().$type<IdentityKind>().primary(),
    value: p.text().primary(),
    tenantId: p.uuid(),
    /** The contact, also after it was merged into another. */
    contactId: p.uuid(),
    /** Digest of the entry last seen under this identity: an equal one is not written again. */
    contentHash: p.text().strictNullable(),
  },
});
/** An identity under which an account knows a person. */
export class ContactAlias extends ContactAliasSchema.class {}
ContactAliasSchema.setClass(ContactAlias);

const SyncPageSchema = defineEntity({
  name: 'SyncPage',
  tableName: 'sync_pages',
  properties: {
    runId: p.uuid().primary(),
    number: p.integer().primary(),
    tenantId: p.uuid(),
    /** Nine bytes for each contact: the end of its id, then its outcome. */
    seen: p.blob(),
  },
});
/** The contacts of one page of a running sync, so that none is counted twice; deleted when the run ends. */
export class SyncPage extends SyncPageSchema.class {}
SyncPageSchema.setClass(SyncPage);
