import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** A running run runs once more instead; returns the id. */
export async function openDetailsRun(em: Em, tenantId: string, accountId: string, now: Date): Promise<string> {
  const [run] = await rows<{ id: string }>(
    em,
    sql`insert into sync_runs (id, tenant_id, account_id, kind, state, dry_run, again, stats, started_at)
     values (${newId()}, ${tenantId}, ${accountId}, 'details', 'running', false, false, '{}', ${now})
     on conflict (account_id, kind, scope) where state = 'running' and not dry_run do update set again = true
     returning id`,
  );
  return run?.id ?? '';
}
