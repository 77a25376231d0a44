import type { Vault } from '../../vault.ts';
import { rows, type Em } from '../../connect.ts';
import { redactErased } from '../erasures/redact-erased.ts';

/**
 * Ends one sync, or every sync of an account, that runs; false when none does. Its worker finds out with the next page,
 * of which nothing is kept.
 */
export async function cancelSyncs(
  em: Em,
  vault: Vault,
  of: { runId: string } | { accountId: string },
  now: Date,
): Promise<boolean> {
  const [column, id] = 'runId' in of ? ['id', of.runId] : ['account_id', of.accountId];
  const cancelled = await rows<{ id: string }>(
    em,
    `update sync_runs set state = 'cancelled', reason = 'cancelled', again = false, lease = null, lease_until = null,
       ended_at = ?
     where ${column} = ? and state = 'running' returning id`,
    [now, id],
  );
  if (cancelled.length)
    await redactErased(
      em,
      vault,
      cancelled.map(({ id: run }) => run),
    );
  for (const run of cancelled) await rows(em, 'delete from sync_pages where run_id = ?', [run.id]);
  return cancelled.length > 0;
}
