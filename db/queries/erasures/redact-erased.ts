import { subjectOf, type Subject } from '../../../domain/erasure.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { sealed } from '../../sealed.ts';
import { erasedAmong } from './ledger.ts';
import { tryOpen } from '../../../platform/try-open.ts';

/** Removes the number from ended runs about erased people, by the ledger or by the provider's answer. */
export async function redactErased(em: Em, vault: Vault, ids: readonly string[]): Promise<void> {
  const runs = await rows<{ id: string; tenant_id: string; target: string; met: boolean }>(
    em,
    sql`select id, tenant_id, target, coalesce((stats->>'erased')::int, 0) > 0 as met from sync_runs
     where id = any(${ids}::uuid[]) and target is not null and state <> 'running'`,
  );
  for (const { id, tenant_id: tenantId, target, met } of runs) {
    const subject = subjectOfTarget(await vault.keysOf(em, tenantId), { id, target });
    if (subject && (met || (await erasedAmong(em, vault, tenantId, [subject])).size))
      // The run stays a run about one person.
      await rows(
        em,
        sql`update sync_runs set target = null, scope = split_part(scope, '/', 1) || '/' where id = ${id}`,
      );
  }
}

/** Null for a group, and where its key is gone. */
export function subjectOfTarget(keys: Keyset, { id, target }: { id: string; target: string }): Subject | null {
  const { phone } = JSON.parse(tryOpen(keys, target, sealed.syncTarget(id)) ?? '{}') as { phone?: string };
  return phone === undefined ? null : subjectOf(phone);
}
