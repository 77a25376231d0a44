import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { arrayOf, rows, type Em } from '../../db/connect.ts';
import { Contact } from '../../db/entities/contacts.ts';
import { isId } from '../../platform/ids.ts';
import { Problem } from '../problem.ts';

const noContact = (): Problem => new Problem('not_found', 'There is no such contact.');

/** A contact of the tenant for reading: one that was merged names its survivor. */
export async function anyContact(em: Em, id: string): Promise<Contact> {
  const contact = isId(id) ? await em.findOne(Contact, { id }) : null;
  if (!contact) throw noContact();
  return contact;
}

/** The accounts of contacts of the tenant; 404 where one of them is not there. */
async function accountsOf(em: Em, ids: readonly string[]): Promise<string[]> {
  if (!ids.every(isId)) throw noContact();
  const asked = [...new Set(ids)];
  const found = await rows<{ account_id: string }>(em, 'select account_id from contacts where id = any(?::uuid[])', [
    arrayOf(asked),
  ]);
  if (found.length !== asked.length) throw noContact();
  return [...new Set(found.map(({ account_id }) => account_id))];
}

/** Keeps other writers away from these contacts until the transaction ends; answers their accounts. */
export async function holdContacts(em: Em, ids: readonly string[]): Promise<string[]> {
  const accounts = await accountsOf(em, ids);
  // Everybody takes several locks in one order, so that nobody waits for each other.
  for (const account of accounts.sort()) await lockContacts(em, account);
  // What the lock was waited for may have deleted one.
  await accountsOf(em, ids);
  return accounts;
}

/** 409 where one of these contacts was merged into another. */
export async function refuseMerged(em: Em, ids: readonly string[]): Promise<void> {
  const [merged] = await rows<{ id: string; merged_into: string }>(
    em,
    'select id, merged_into from contacts where id = any(?::uuid[]) and merged_into is not null limit 1',
    [arrayOf(ids)],
  );
  if (merged)
    throw new Problem('contact_merged', `The contact ${merged.id} became part of ${merged.merged_into}.`, {
      fix: `Use the contact ${merged.merged_into}, or take them apart: POST /api/v1/contacts/${merged.id}/unmerge.`,
    });
}
