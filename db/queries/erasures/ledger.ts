import { subjectName, type Subject } from '../../../domain/erasure.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { openLedger } from './ledger-key.ts';

/**
 * The names (`kind:value`) among `subjects` of people whom the tenant had erased. One cheap question while it erased
 * nobody. Writers of contacts ask after they took the account's lock (`lockContacts`): an erasure that is under way
 * passes every account after its ledger is committed.
 */
export async function erasedAmong(
  em: Em,
  vault: Vault,
  tenantId: string,
  subjects: readonly Subject[],
): Promise<Set<string>> {
  if (!subjects.length || !(await hasErased(em, tenantId))) return new Set();
  const ledger = await openLedger(em, vault);
  const byDigest = new Map(subjects.map((one) => [ledger.digest(tenantId, one), subjectName(one)]));
  const found = await rows<{ digest: string }>(
    em,
    sql`select digest from erased_subjects where tenant_id = ${tenantId} and digest = any(${[...byDigest.keys()]}::text[])`,
  );
  return new Set(found.flatMap(({ digest }) => byDigest.get(digest) ?? []));
}

/** Whether the tenant had anybody erased: few ever have. */
export async function hasErased(em: Em, tenantId: string): Promise<boolean> {
  const [some] = await rows(em, sql`select 1 from erased_subjects where tenant_id = ${tenantId} limit 1`);
  return some !== undefined;
}

/**
 * Writes a person into the ledger under an erasure. What an earlier erasure of the same person wrote becomes this
 * one's, so that lifting it lifts all of it.
 */
export async function addToLedger(
  em: Em,
  erasure: { id: string; tenantId: string },
  digests: readonly string[],
  at: Date,
): Promise<void> {
  if (!digests.length) return;
  const { id, tenantId } = erasure;
  await rows(
    em,
    sql`update erased_subjects set erasure_id = ${id} where tenant_id = ${tenantId} and erasure_id in (
       select erasure_id from erased_subjects where tenant_id = ${tenantId} and digest = any(${digests}::text[]))`,
  );
  await addLacking(em, erasure, digests, at);
}

/** Writes into the ledger what it does not hold, and leaves what other erasures wrote with these. */
export async function addLacking(
  em: Em,
  { id, tenantId }: { id: string; tenantId: string },
  digests: readonly string[],
  at: Date,
): Promise<void> {
  await rows(
    em,
    sql`insert into erased_subjects (digest, tenant_id, erasure_id, erased_at)
     select d, ${tenantId}::uuid, ${id}::uuid, ${at}::timestamptz from unnest(${digests}::text[]) d order by d
     on conflict (tenant_id, digest) do nothing`,
  );
}

/** The digests that an erasure answers for. */
export async function digestsOf(em: Em, erasureId: string): Promise<Set<string>> {
  const found = await rows<{ digest: string }>(
    em,
    sql`select digest from erased_subjects where erasure_id = ${erasureId}`,
  );
  return new Set(found.map(({ digest }) => digest));
}
