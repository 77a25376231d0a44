import { aliasesOf, type SeenContact } from '../../../domain/contacts.ts';
import { subjectName, type Subject } from '../../../domain/erasure.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { reopenErasure } from './erasures.ts';
import { addToLedger, erasedAmong, hasErased } from './ledger.ts';
import { openLedger } from './ledger-key.ts';

export async function filterErased(
  em: Em,
  vault: Vault,
  tenantId: string,
  entries: readonly SeenContact[],
  at: Date,
): Promise<{ entries: readonly SeenContact[]; erased: number }> {
  if (!(await hasErased(em, tenantId))) return { entries, erased: 0 };
  const erased = await erasedPeople(em, vault, tenantId, entries.map(aliasesOf), at);
  const left = entries.filter((_, n) => !erased.has(n));
  return { entries: left, erased: erased.size };
}

/**
 * Each person is given by all names. A name that the ledger lacks is added, and the erasure runs again: data may be
 * stored under it. The caller holds the account's lock.
 */
export async function erasedPeople(
  em: Em,
  vault: Vault,
  tenantId: string,
  people: readonly (readonly Subject[])[],
  at: Date,
): Promise<Set<number>> {
  const erased = await erasedAmong(em, vault, tenantId, people.flat());
  const places = new Set<number>();
  if (!erased.size) return places;
  for (const [place, names] of people.entries()) {
    const known = names.find((one) => erased.has(subjectName(one)));
    if (!known) continue;
    places.add(place);
    if (!names.every((one) => erased.has(subjectName(one)))) await learnNames(em, vault, tenantId, known, names, at);
  }
  return places;
}

async function learnNames(
  em: Em,
  vault: Vault,
  tenantId: string,
  known: Subject,
  names: readonly Subject[],
  at: Date,
): Promise<void> {
  const ledger = await openLedger(em, vault);
  const [row] = await rows<{ id: string }>(
    em,
    sql`select erasure_id as id from erased_subjects where tenant_id = ${tenantId} and digest = ${ledger.digest(tenantId, known)}`,
  );
  if (!row) return;
  await reopenErasure(em, vault, { tenantId, erasureId: row.id }, names);
  await addToLedger(
    em,
    { id: row.id, tenantId },
    names.map((one) => ledger.digest(tenantId, one)),
    at,
  );
}
