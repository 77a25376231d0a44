import { afterMerge, afterUnmerge, inSight, ownOf } from '../../../domain/contact-merges.ts';
import { arrayOf, rows, type Em } from '../../connect.ts';
import { loadContacts, loadMerged, writeContacts, type ContactRow, type WritingOf } from './contact-rows.ts';
import { lockContacts } from './lock-contacts.ts';

/**
 * Makes `survivorId` stand for the others too: they stay as they are and point to it; what it lacks it takes from
 * them, and their groups. Ids that were merged before count as who stands for them. Answers the survivor's id.
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
  const along = (await loadMerged(em, of.accountId, others)).map((one) => {
    const before = held.get(one.mergedInto ?? '');
    return before ? inSight(one, before) : one;
  });
  // Its own alone: what it has of those who were merged into it comes from them, as they come along.
  for (const other of merged) Object.assign(other, ownOf(other), { mergedInto: root });
  for (const other of [...merged, ...along]) Object.assign(survivor, afterMerge(survivor, other, of.at.toISOString()));
  await writeContacts(em, of, [survivor, ...merged]);
  // Who pointed to one of them points past it, so that one step leads to who stands for anybody.
  await rows(em, 'update contacts set merged_into = ? where merged_into = any(?::uuid[])', [root, arrayOf(others)]);
  return root;
}

/**
 * Takes contacts apart again: a merged one leaves its survivor, a survivor is left by all; what the merge had brought
 * goes with them. Their entries count as new to the next sync. Answers the ids that stand for themselves again.
 */
export async function unmergeContact(em: Em, of: WritingOf, contactId: string): Promise<string[]> {
  await lockContacts(em, of.accountId);
  const asked = (await loadContacts(em, of.accountId, [contactId])).get(contactId);
  if (!asked) return [];
  const root = asked.mergedInto ?? contactId;
  const survivor = (await loadContacts(em, of.accountId, [root])).get(root);
  const merged = await loadMerged(em, of.accountId, [root]);
  const isLeaving = ({ id }: { id: string }): boolean => root === contactId || id === contactId;
  const leaving = merged.filter(isLeaving);
  if (!survivor || !leaving.length) return [];
  const staying = merged.filter((one) => !isLeaving(one));
  for (const one of leaving) {
    Object.assign(survivor, afterUnmerge(survivor, one.id, staying, of.at.toISOString()));
    one.mergedInto = null;
  }
  const aliases = await aliasesBy(em, [root, ...merged.map(({ id }) => id)]);
  const names = (one: ContactRow): string[] => aliases.get(one.id) ?? [];
  for (const one of leaving) keepIdentity(one, names(one), []);
  keepIdentity(survivor, names(survivor), staying.flatMap(names));
  await writeContacts(em, of, [survivor, ...leaving]);
  const ids = leaving.map(({ id }) => id);
  await rows(em, 'update contact_aliases set content_hash = null where contact_id = any(?::uuid[])', [
    arrayOf([root, ...ids]),
  ]);
  return ids;
}

/** Their own aliases' values by contact, JIDs first. */
async function aliasesBy(em: Em, ids: readonly string[]): Promise<Map<string, string[]>> {
  const found = await rows<{ id: string; values: string[] }>(
    em,
    `select contact_id as id, array_agg(value order by kind, value) as values from contact_aliases
     where contact_id = any(?::uuid[]) group by contact_id`,
    [arrayOf(ids)],
  );
  return new Map(found.map(({ id, values }) => [id, values]));
}

/** Who went by the identity of somebody that they are no longer one with has their own again, until the next sync bare. */
function keepIdentity(row: ContactRow, own: readonly string[], shared: readonly string[]): void {
  if (row.wasenderJid === null || own.includes(row.wasenderJid) || shared.includes(row.wasenderJid)) return;
  const { profileImageUrl: _origin, ...provenance } = row.provenance;
  Object.assign(row, {
    wasenderJid: own[0] ?? null,
    raw: null,
    pictureAt: null,
    fields: { ...row.fields, profileImageUrl: null },
    provenance,
  });
}
