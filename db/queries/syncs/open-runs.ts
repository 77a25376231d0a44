import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import type { SyncKind } from '../../../domain/syncs.ts';
import { recordset, rows, sql } from '../../sql.ts';
import type { DueColumn } from '../accounts/lease-due-accounts.ts';

/** A sync run to open; `target` is sealed. */
export interface NewRun {
  id: string;
  accountId: string;
  scope: string;
  target: string | null;
}

/** A running run of the same account and scope runs once more instead. Returns the ids; none for a deleted account. */
export async function openRuns(em: Em, kind: SyncKind, runs: readonly NewRun[], now: Date): Promise<string[]> {
  const opened = await rows<{ id: string }>(
    em,
    sql`insert into sync_runs (id, tenant_id, account_id, kind, scope, target, state, dry_run, again, stats, started_at)
        select r.id, a.tenant_id, a.id, ${kind}, r.scope, r.target, 'running', false, false, '{}', ${now}::timestamptz
        from ${recordset(runs, sql`(id uuid, "accountId" uuid, scope text, target text)`)} as r
        join accounts a on a.id = r."accountId" order by a.id
        on conflict (account_id, kind, scope) where state = 'running' and not dry_run do update set again = true
        returning id`,
  );
  return opened.map(({ id }) => id);
}

/** The run of everything that an account has of a kind; a running one runs once more instead. */
export async function openWholeRun(
  em: Em,
  kind: SyncKind,
  accountId: string,
  now: Date,
): Promise<{ id: string; scope: string }> {
  const run = { id: newId(), accountId, scope: '', target: null };
  const [id] = await openRuns(em, kind, [run], now);
  return { id: id ?? run.id, scope: '' };
}

/** An open run is enough. None for an account that was read, reconnected or disconnected since it was leased by `due`. */
export async function openSweptRun(
  em: Em,
  kind: SyncKind,
  due: DueColumn,
  accountId: string,
  claimed: Date,
  now: Date,
): Promise<void> {
  await rows(
    em,
    sql`insert into sync_runs (id, tenant_id, account_id, kind, scope, state, dry_run, again, stats, started_at)
        select ${newId()}, tenant_id, id, ${kind}, '', 'running', false, false, '{}', ${now}
        from accounts where id = ${accountId} and ${sql.ref(due)} = ${claimed}
        on conflict (account_id, kind, scope) where state = 'running' and not dry_run do nothing`,
  );
}
