import { firstId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import type { ErasureRef } from './erasures.ts';
import { addLacking } from './ledger.ts';

export interface LedgerLine {
  tenant_id: string;
  erasure_id: string;
  digest: string;
  erased_at: string;
}

export const ledgerLinesAfter = (em: Em, after: LedgerLine | undefined, limit: number): Promise<LedgerLine[]> =>
  rows<LedgerLine>(
    em,
    sql`select tenant_id, erasure_id, digest,
        to_char(erased_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as erased_at
      from erased_subjects where (tenant_id, digest) > (${after?.tenant_id ?? firstId}::uuid, ${after?.digest ?? ''})
      order by tenant_id, digest limit ${limit}`,
  );

/** Differs whenever the ledger, or the wrapping of its key, has changed. System role. */
export async function ledgerMark(em: Em): Promise<string> {
  const [state] = await rows<{ mark: string }>(
    em,
    sql`select count(*) || '/' || coalesce(max(erased_at)::text, '') || '/' || coalesce(max(erasure_id::text), '')
        || '/' || (select coalesce(max(value), '') from ledger_keys where tenant_id is null) as mark
      from erased_subjects`,
  );
  return state?.mark ?? '';
}

/** Running erasures that a restored ledger requested. System role. */
export async function erasuresFromLedger(em: Em): Promise<number> {
  const [row] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from erasures where state = 'running' and from_ledger`,
  );
  return row?.n ?? 0;
}

export async function tenantIds(em: Em): Promise<Set<string>> {
  return new Set((await rows<{ id: string }>(em, sql`select id from tenants`)).map(({ id }) => id));
}

/** Imports an erasure from a ledger file. Returns whether the erasure must run again. System role. */
export async function takeInErasure(
  em: Em,
  { tenantId, erasureId }: ErasureRef,
  digests: readonly string[],
  erasedAt: string,
): Promise<boolean> {
  const [made] = await rows(
    em,
    sql`insert into erasures (id, tenant_id, state, from_ledger, requested_at)
      values (${erasureId}, ${tenantId}, 'running', true, ${erasedAt}) on conflict (id) do nothing returning id`,
  );
  // An unknown erasure is later than all that hold its digests: it had taken them over when the file was written.
  if (made)
    await rows(
      em,
      sql`update erased_subjects set erasure_id = ${erasureId}
        where tenant_id = ${tenantId} and digest = any(${digests}::text[])`,
    );
  // Every erasure ends with a digest; without one, a later erasure took them over, and has them or was lifted.
  const [due] = await rows(
    em,
    sql`update erasures e set state = 'running', from_ledger = true
      where id = ${erasureId} and (state = 'running' or (state = 'done'
        and exists (select from erased_subjects s where s.erasure_id = e.id)
        and exists (select from unnest(${digests}::text[]) d where not exists (
          select from erased_subjects s where s.tenant_id = e.tenant_id and s.digest = d)))) returning id`,
  );
  if (due) await addLacking(em, { id: erasureId, tenantId }, digests, new Date(erasedAt));
  return due !== undefined;
}
