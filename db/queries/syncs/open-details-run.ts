import { newId } from '../../../platform/ids.ts';
import { rows, type Em } from '../../connect.ts';

/** Opens a run of the details sync, or marks the running one to go once more; answers its id. */
export async function openDetailsRun(em: Em, tenantId: string, accountId: string, now: Date): Promise<string> {
  const [run] = await rows<{ id: string }>(
    em,
    `insert into sync_runs (id, tenant_id, account_id, kind, state, dry_run, again, stats, started_at)
     values (?, ?, ?, 'details', 'running', false, false, '{}', ?)
     on conflict (account_id, kind, scope) where state = 'running' and not dry_run do update set again = true
     returning id`,
    [newId(), tenantId, accountId, now],
  );
  return run?.id ?? '';
}
