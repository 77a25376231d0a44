import { afterMerge, afterUnmerge, inSight, ownOf } from '../../../domain/contact-merges.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import {
  dropIdentity,
  loadContacts,
  loadMerged,
  writeContacts,
  type ContactRow,
  type WritingOf,
} from './contact-rows.ts';
import { lockContacts } from './lock-contacts.ts';

/** The others stay and point to `survivorId`, whose gaps are filled from them. Returns the survivor's id. */
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
  const loaded = await loadContacts(em, of.accountId, [root, ...others]);
  const survivor = loaded.get(root);
  if (!survivor || !others.length) return root;
  const merged = others.flatMap((id) => loaded.get(id) ?? []);
  const along = (await loadMerged(em, of.accountId, others)).map((one) => {
    const before = loaded.get(one.mergedInto ?? '');
    return before ? inSight(one, before) : one;
  });
  // Its own contents alone: contacts merged into it bring theirs themselves.
  for (const other of merged) Object.assign(other, ownOf(other), { mergedInto: root });
  for (const other of [...merged, ...along]) Object.assign(survivor, afterMerge(survivor, other, of.at.toISOString()));
  await writeContacts(em, of, [survivor, ...merged]);
  // Repoint earlier merges at the new survivor, so that `merged_into` is never a chain.
  await rows(em, sql`update contacts set merged_into = ${root} where merged_into = any(${others}::uuid[])`);
  return root;
}

/** A survivor is left by all. The next sync treats their entries as new. Returns the ids that are no longer merged. */
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
  await rows(em, sql`update contact_aliases set content_hash = null where contact_id = any(${[root, ...ids]}::uuid[])`);
  return ids;
}

async function aliasesBy(em: Em, ids: readonly string[]): Promise<Map<string, string[]>> {
  const found = await rows<{ id: string; values: string[] }>(
    em,
    sql`select contact_id as id, array_agg(value order by kind, value) as values from contact_aliases
        where contact_id = any(${ids}::uuid[]) group by contact_id`,
  );
  return new Map(found.map(({ id, values }) => [id, values]));
}

// A contact gets its own identity back from a contact that it leaves; the next sync fills it.
function keepIdentity(row: ContactRow, own: readonly string[], shared: readonly string[]): void {
  if (row.identity === null || own.includes(row.identity) || shared.includes(row.identity)) return;
  dropIdentity(row, own[0] ?? null);
}
