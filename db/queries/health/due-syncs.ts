import type { SyncKind } from '../../../domain/syncs.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';
import { canRenew, canWork } from '../accounts/lease-due-accounts.ts';
import { ofTenant } from './account-counts.ts';

/** What is done to accounts by the clock. */
export const dueKinds = ['visits', 'contacts', 'tokens'] as const;
export type DueKind = (typeof dueKinds)[number];

/** Accounts of which something is to be done now. */
export interface DueAccounts {
  due: number;
  /** Those of them that should have been done long ago. */
  overdue: number;
  /** Since when the first of them waits. */
  oldest: Date | null;
  /** Only the first `mostCounted` that are due were looked at. */
  isCapped: boolean;
}

/** The most rows that are looked at of a kind. */
const mostCounted = 10_000;

/** Rows of accounts with when they are due, and whether that still counts: a lost login keeps its time. */
const sources: Readonly<Record<DueKind, { table: Sql; due: Sql; counts: Sql }>> = {
  visits: { table: sql`account_visits`, due: sql`due_at`, counts: sql`lease is null` },
  contacts: { table: sql`accounts`, due: sql`contacts_due_at`, counts: canWork },
  tokens: { table: sql`accounts`, due: sql`keys_due_at`, counts: canRenew },
};

/** Of a tenant, or of the installation (null; system role). `overdueSince`: what was due before it is overdue. */
export async function dueAccounts(
  em: Em,
  tenantId: string | null,
  kind: DueKind,
  now: Date,
  overdueSince: Date,
): Promise<DueAccounts> {
  const { table, due, counts } = sources[kind];
  const tenant = tenantId === null ? sql`` : sql`tenant_id = ${tenantId}::uuid and`;
  const [found] = await rows<{ due: number; overdue: number; oldest: string | null; read: number }>(
    em,
    sql`select count(*) filter (where counts)::int as due,
          count(*) filter (where counts and at < ${overdueSince})::int as overdue,
          min(at) filter (where counts)::text as oldest, count(*)::int as read
        from (select ${due} as at, ${counts} as counts from ${table} where ${tenant} ${due} <= ${now}
          order by ${due} limit ${mostCounted}) first`,
  );
  return {
    due: found?.due ?? 0,
    overdue: found?.overdue ?? 0,
    oldest: found?.oldest ? new Date(found.oldest) : null,
    isCapped: (found?.read ?? 0) === mostCounted,
  };
}

/** Syncs that run, by kind. */
export const runningSyncs = (em: Em, tenantId: string | null): Promise<{ kind: SyncKind; running: number }[]> =>
  rows(
    em,
    sql`select kind, count(*)::int as running from sync_runs r
        where ${ofTenant(tenantId, 'r')} and state = 'running' and not dry_run group by kind`,
  );
