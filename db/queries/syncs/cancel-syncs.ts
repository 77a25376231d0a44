import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { redactErased } from '../erasures/redact-erased.ts';

/** Ends one or every running sync of an account; false when none runs. Its worker discards its next page. */
export async function cancelSyncs(
  em: Em,
  vault: Vault,
  of: { runId: string } | { accountId: string },
  now: Date,
): Promise<boolean> {
  const chosen = 'runId' in of ? sql`id = ${of.runId}` : sql`account_id = ${of.accountId}`;
  const cancelled = await rows<{ id: string }>(
    em,
    sql`update sync_runs set state = 'cancelled', reason = 'cancelled', again = false, lease = null,
          lease_until = null, ended_at = ${now}
        where ${chosen} and state = 'running' returning id`,
  );
  if (!cancelled.length) return false;
  const ids = cancelled.map(({ id }) => id);
  await redactErased(em, vault, ids);
  await rows(em, sql`delete from sync_pages where run_id = any(${ids}::uuid[])`);
  return true;
}
