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
    phoneNumber: p.text().strictNullable(),
    savedName: p.text().strictNullable(),
    pushName: p.text().strictNullable(),
    /** Edited, else saved, else push name. */
    name: p.text().strictNullable(),
    verifiedName: p.text().strictNullable(),
    company: p.text().strictNullable(),
    profileImageUrl: p.text().strictNullable(),
    /** When the provider last gave the picture's address; null: never, or the picture changed since. */
    pictureAt: p.datetime().strictNullable(),
    /** When the number behind the LID was requested, which happens once. */
    lidAskedAt: p.datetime().strictNullable(),
    whatsappStatus: p.text().strictNullable(),
    isBusinessAccount: p.boolean(),
    /** The alias whose entry decides. Operators rely on the names of this column and the next three. */
    identity: p.text().name('wasender_jid').strictNullable(),
    syncStatus: p.text().name('wasender_sync_status').$type<'synced' | 'not_synced'>(),
    updatedFromProviderAt: p.datetime().name('last_updated_from_wasender').strictNullable(),
    /** The provider's entry, sealed; null after its retention. */
    raw: p.text().name('raw_wasender_data').strictNullable(),
    provenance: p.json().$type<Provenance>(),
    edits: p.json().$type<ContactEdits>(),
    groups: p.array().$type<string[]>(),
    /** Since when whole syncs do not find the person. */
    missingSince: p.datetime().strictNullable(),
    mergedInto: p.uuid().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    /** When a change that answers show was last written, by PostgreSQL's clock. The database sets it. */
    changedAt: p.datetime().defaultRaw('change_time()'),
  },
});
export class Contact extends ContactSchema.class {}
ContactSchema.setClass(Contact);
/** Without the provider's entry, which may be long. */
export type ListedContact = Pick<
  Contact,
  | FieldName
  | 'id'
  | 'accountId'
  | 'name'
  | 'identity'
  | 'syncStatus'
  | 'updatedFromProviderAt'
  | 'missingSince'
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
    /** The contact, also after its merge into another. */
    contactId: p.uuid(),
    /** Digest of the last entry under this identity: an equal one is not written again. */
    contentHash: p.text().strictNullable(),
    /**
     * The LID of a number, or the number's JID of a LID, as the provider last told it; empty where that was contradicted
     * since, so that the next entry is of another person.
     */
    pair: p.text().strictNullable(),
  },
});
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
/** The contacts of one page of a running sync: none is counted twice. Deleted when the run ends. */
export class SyncPage extends SyncPageSchema.class {}
SyncPageSchema.setClass(SyncPage);
