import { subjectName, type Subject } from '../../../domain/erasure.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { openLedger } from './ledger-key.ts';

/**
 * The names (`kind:value`) of erased people. Writers of contacts call it after `lockContacts`: an erasure visits every
 * account after its ledger is committed.
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

export async function hasErased(em: Em, tenantId: string): Promise<boolean> {
  const [some] = await rows(em, sql`select 1 from erased_subjects where tenant_id = ${tenantId} limit 1`);
  return some !== undefined;
}

/** Moves the lines of an earlier erasure of the same person to this one, so that lifting it lifts all. */
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

/** Adds missing lines only; lines of other erasures stay with those. */
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

export async function digestsOf(em: Em, erasureId: string): Promise<Set<string>> {
  const found = await rows<{ digest: string }>(
    em,
    sql`select digest from erased_subjects where erasure_id = ${erasureId}`,
  );
  return new Set(found.map(({ digest }) => digest));
}
