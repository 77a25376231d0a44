import type { Em } from '../../connect.ts';
import type { SyncKind } from '../../../domain/syncs.ts';
import { rows, sql } from '../../sql.ts';

/** A running sync run with its account. */
export interface OpenedRun {
  id: string;
  accountId: string;
  tenantId: string;
  channel: string;
  provider: string;
  scope: string;
}

/** Running runs of the tenant without a lease, after `after`, by id. */
export const openedRuns = (em: Em, kind: SyncKind, after: string, limit: number): Promise<OpenedRun[]> =>
  rows(
    em,
    sql`select r.id, a.id as "accountId", a.tenant_id as "tenantId", a.channel, a.provider, r.scope
        from sync_runs r join accounts a on a.id = r.account_id
        where r.kind = ${kind} and r.state = 'running' and not r.dry_run and r.lease is null and r.id > ${after}::uuid
        order by r.id limit ${limit}`,
  );
