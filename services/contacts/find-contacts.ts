import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Contact } from '../../db/entities/contacts.ts';
import { accountsWith, familyOf, placesOf, type ContactFilter } from '../../db/queries/contacts/find-contacts.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { originsOf, type ShownOrigin } from '../../domain/contacts.ts';
import type { Identity } from '../../domain/identities.ts';
import { isId } from '../../platform/ids.ts';
import { Problem } from '../problem.ts';

const noContact = (): Problem => new Problem('not_found', 'There is no such contact.');

/** A contact of the tenant for reading, also a merged one. */
export async function anyContact(em: Em, id: string): Promise<Contact> {
  const contact = isId(id) ? await em.findOne(Contact, { id }) : null;
  if (!contact) throw noContact();
  return contact;
}

/** All that is known of a contact beside its row. */
export interface ContactDetails {
  aliases: Identity[];
  /** The contacts that were merged into it. */
  merged: string[];
  /** Where each field comes from, by name on the wire. */
  provenance: Record<string, ShownOrigin>;
}

export async function contactDetails(em: Em, contact: Contact): Promise<ContactDetails> {
  const { provider } = await em.findOneOrFail(Account, { id: contact.accountId });
  return { ...(await familyOf(em, contact.id)), provenance: originsOf(contact, provider) };
}

/** The accounts of contacts of the tenant; 404 where one of them is not there. */
async function accountsOf(em: Em, ids: readonly string[]): Promise<string[]> {
  if (!ids.every(isId)) throw noContact();
  const asked = [...new Set(ids)];
  const found = await placesOf(em, asked);
  if (found.length !== asked.length) throw noContact();
  return [...new Set(found.map(({ account_id: account }) => account))];
}

/** Locks out other writers of these contacts until the transaction ends; answers their accounts. 404 for unknown ids. */
export async function lockContactsById(em: Em, ids: readonly string[]): Promise<string[]> {
  const accounts = await accountsOf(em, ids);
  // Always in this order, so that two callers never wait for each other.
  for (const account of accounts.sort()) await lockContacts(em, account);
  // Another writer may have deleted one before the lock was free.
  await accountsOf(em, ids);
  return accounts;
}

/** Locks out other writers of the contacts that a filter means; answers the filter of those that are locked. */
export async function lockContactsWhere(em: Em, filter: ContactFilter): Promise<ContactFilter> {
  const accounts = await accountsWith(em, filter);
  for (const account of accounts) await lockContacts(em, account);
  // Contacts that match only now may belong to an account that is not locked.
  return { ...filter, accounts };
}

/** 409 where one of these contacts was merged into another. */
export async function refuseMerged(em: Em, ids: readonly string[]): Promise<void> {
  const merged = (await placesOf(em, ids)).find(({ merged_into: survivor }) => survivor !== null);
  if (merged)
    throw new Problem('contact_merged', `The contact ${merged.id} became part of ${merged.merged_into}.`, {
      fix: `Use the contact ${merged.merged_into}, or take them apart: POST /api/v1/contacts/${merged.id}/unmerge.`,
    });
}
