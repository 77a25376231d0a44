import { afterMerge, afterUnmerge, ownOf } from '../../domain/contacts.ts';
import { arrayOf, rows, type Em } from '../connect.ts';
import { loadContacts, writeContacts, type WritingOf } from './contact-rows.ts';
import { lockContacts } from './lock.ts';

/**
 * Makes `survivorId` stand for the others too: they stay as they are and point to it; what it lacks it takes from
 * them. Ids that were merged before count as who stands for them. Answers the survivor's id.
 */
export async function mergeContacts(
  em: Em,
  of: WritingOf,
  survivorId: string,
  otherIds: readonly string[],
): Promise<string> {
  await lockContacts(em, of.accountId);
  const asked = await loadContacts(em, of.accountId, [survivorId, ...otherIds]);
  const rootOf = (id: string): string => asked.get(id)?.mergedInto ?? id;
  const root = rootOf(survivorId);
  const others = [...new Set(otherIds.map(rootOf))].filter((id) => id !== root);
  const held = await loadContacts(em, of.accountId, [root, ...others]);
  const survivor = held.get(root);
  if (!survivor || !others.length) return root;
  const merged = others.flatMap((id) => held.get(id) ?? []);
  for (const other of merged) {
    // Its own alone: what it has of those who were merged into it comes from them, as they come along.
    const { fields, provenance } = ownOf(other);
    Object.assign(other, { fields, provenance, mergedInto: root });
  }
  const along = [...(await loadContacts(em, of.accountId, await mergedInto(em, others))).values()];
  for (const other of [...merged, ...along]) Object.assign(survivor, afterMerge(survivor, other, of.at.toISOString()));
  await writeContacts(em, of, [survivor, ...merged]);
  // Who pointed to one of them points past it, so that one step leads to who stands for anybody.
  await rows(em, 'update contacts set merged_into = ? where merged_into = any(?::uuid[])', [root, arrayOf(others)]);
  return root;
}

/** The contacts that point to one of these. */
async function mergedInto(em: Em, ids: readonly string[]): Promise<string[]> {
  const found = await rows<{ id: string }>(em, 'select id from contacts where merged_into = any(?::uuid[])', [
    arrayOf(ids),
  ]);
  return found.map(({ id }) => id);
}

/**
 * Takes contacts apart again: a merged one leaves its survivor, a survivor is left by all; what the merge had filled in
 * goes with them. Their entries count as new to the next sync. Answers the ids that stand for themselves again.
 */
export async function unmergeContact(em: Em, of: WritingOf, contactId: string): Promise<string[]> {
  await lockContacts(em, of.accountId);
  const asked = (await loadContacts(em, of.accountId, [contactId])).get(contactId);
  if (!asked) return [];
  const leaving = asked.mergedInto ? [contactId] : await mergedInto(em, [contactId]);
  const held = await loadContacts(em, of.accountId, [asked.mergedInto ?? contactId, ...leaving]);
  const survivor = held.get(asked.mergedInto ?? contactId);
  if (!survivor || !leaving.length) return [];
  const freed = leaving.flatMap((id) => held.get(id) ?? []);
  for (const one of freed) {
    Object.assign(survivor, afterUnmerge(survivor, one.id));
    one.mergedInto = null;
  }
  await writeContacts(em, of, [survivor, ...freed]);
  await rows(em, 'update contact_aliases set content_hash = null where contact_id = any(?::uuid[])', [
    arrayOf([survivor.id, ...leaving]),
  ]);
  return leaving;
}
