import { defineEntity, p } from '@mikro-orm/core';
import type { ContactAlias as Alias, ContactEdits, Provenance } from '../../domain/contacts.ts';

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
    /** When the picture's address was last told; null: never, or it changed since. */
    pictureAt: p.datetime().strictNullable(),
    /** When the number behind their LID was asked for, which is done once. */
    lidAskedAt: p.datetime().strictNullable(),
    /** The person's text about themself. */
    whatsappStatus: p.text().strictNullable(),
    isBusinessAccount: p.boolean(),
    wasenderJid: p.text().strictNullable(),
    wasenderSyncStatus: p.text().$type<'synced' | 'not_synced'>(),
    lastUpdatedFromWasender: p.datetime().strictNullable(),
    /** The provider's entry as it came, sealed; null once its time is over. */
    rawWasenderData: p.text().strictNullable(),
    provenance: p.json().$type<Provenance>(),
    edits: p.json().$type<ContactEdits>(),
    /** The tenant's own words to sort people by. */
    groups: p.array().$type<string[]>(),
    /** Since when whole syncs no longer find the person; null: they do, or none has looked. */
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

const ContactAliasSchema = defineEntity({
  name: 'ContactAlias',
  tableName: 'contact_aliases',
  properties: {
    accountId: p.uuid().primary(),
    kind: p.text().$type<Alias['kind']>().primary(),
    value: p.text().primary(),
    tenantId: p.uuid(),
    /** Whose it is, also after that contact was merged into another. */
    contactId: p.uuid(),
    /** Digest of the entry last seen under this very identity: an equal one is not written again. */
    contentHash: p.text().strictNullable(),
  },
});
/** A name under which an account knows a person: JID, LID or number. */
export class ContactAlias extends ContactAliasSchema.class {}
ContactAliasSchema.setClass(ContactAlias);

const SyncPageSchema = defineEntity({
  name: 'SyncPage',
  tableName: 'sync_pages',
  properties: {
    runId: p.uuid().primary(),
    number: p.integer().primary(),
    tenantId: p.uuid(),
    /** Nine bytes for each person: the end of their contact's id, then what came of them. */
    seen: p.blob(),
  },
});
/** Whom a page of a running sync held, so that nobody is counted twice; gone when the run ends. */
export class SyncPage extends SyncPageSchema.class {}
SyncPageSchema.setClass(SyncPage);
