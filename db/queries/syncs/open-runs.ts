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

/** A running run of the same account and scope runs once more instead, as a whole. Returns the ids; none for a deleted account. */
export async function openRuns(em: Em, kind: SyncKind, runs: readonly NewRun[], now: Date): Promise<string[]> {
  const opened = await rows<{ id: string }>(
    em,
    sql`insert into sync_runs (id, tenant_id, account_id, kind, scope, target, state, dry_run, again, stats, started_at)
        select r.id, a.tenant_id, a.id, ${kind}, r.scope, r.target, 'running', false, false, '{}', ${now}::timestamptz
        from ${recordset(runs, sql`(id uuid, "accountId" uuid, scope text, target text)`)} as r
        join accounts a on a.id = r."accountId" order by a.id
        on conflict (account_id, kind, scope) where state = 'running' and not dry_run do update set again = true, since = null
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

/** What was read so long before a sweep's run is read once more, in seconds: clocks differ, and lists lag. */
const overlap = 600;
/** A run that reads everything is due after a day, in seconds: a conversation may have come to a list with old messages. */
const wholeEvery = 86_400;

/**
 * The run of a visit that compares conversations: those with messages since the last run, or all of them once a day. An open
 * run is enough. None for an account whose visit lost its lease.
 */
export async function openVisitRun(em: Em, accountId: string, lease: string, now: Date): Promise<void> {
  await rows(
    em,
    sql`insert into sync_runs (id, tenant_id, account_id, kind, scope, state, dry_run, again, stats, started_at, since)
        select ${newId()}, v.tenant_id, v.account_id, 'conversations', '', 'running', false, false, '{}',
          ${now}::timestamptz, case when read.whole > ${now}::timestamptz - ${wholeEvery} * interval '1 second'
            then read.last - ${overlap} * interval '1 second' end
        from account_visits v cross join lateral (
          select max(started_at) as last, max(started_at) filter (where since is null) as whole from sync_runs
          where account_id = v.account_id and kind = 'conversations' and scope = '' and state = 'succeeded'
            and started_at > ${now}::timestamptz - ${2 * wholeEvery} * interval '1 second') read
        where v.account_id = ${accountId} and v.lease = ${lease}
        on conflict (account_id, kind, scope) where state = 'running' and not dry_run do nothing`,
  );
}
