import type { Em } from '../../connect.ts';
import type { SyncKind } from '../../../domain/syncs.ts';
import { rows, sql } from '../../sql.ts';
import { worksIn } from '../accounts/lease-due-accounts.ts';
import type { StalledAccount } from './stalled-accounts.ts';

export interface StalledSync extends StalledAccount {
  account_id: string;
  kind: SyncKind;
  scope: string;
}

/** Sync runs without a lease, and not paused, whose workflow may be lost. System role. */
export const runningSyncs = (em: Em, since: Date, free: Date, after: string, limit: number): Promise<StalledSync[]> =>
  rows(
    em,
    sql`select r.id, r.account_id, r.kind, r.scope, a.tenant_id, a.channel, a.provider
        from sync_runs r join accounts a on a.id = r.account_id
        where r.state = 'running' and r.paused_at is null and not r.dry_run and r.started_at < ${since}
          and (r.lease_until is null or r.lease_until < ${free}) and r.id > ${after}::uuid
        order by r.id limit ${limit}`,
  );

/** Active accounts of `providers` whose contacts were never read. System role. */
export const accountsWithoutContacts = (
  em: Em,
  providers: readonly string[],
  after: string,
  limit: number,
): Promise<StalledAccount[]> =>
  rows(
    em,
    sql`select a.id, a.tenant_id, a.channel, a.provider from accounts a
        where a.state = 'active' and a.contacts_due_at is null and a.merged_into is null
          and a.provider = any(${providers}::text[]) and a.id > ${after}::uuid
        order by a.id limit ${limit}`,
  );

/** Active accounts whose contacts, or history, are due once more after a connection. System role. */
export const accountsToReadAgain = (
  em: Em,
  due: 'contacts_again_at' | 'history_again_at',
  now: Date,
  after: string,
  limit: number,
): Promise<StalledAccount[]> =>
  rows(
    em,
    sql`select a.id, a.tenant_id, a.channel, a.provider from accounts a
        where ${worksIn('a')} and a.${sql.ref(due)} <= ${now} and a.merged_into is null and a.id > ${after}::uuid
        order by a.id limit ${limit}`,
  );

/** Active accounts without details, and without a sync of them since `triedBefore`. System role. */
export const accountsWithoutDetails = (
  em: Em,
  triedBefore: Date,
  after: string,
  limit: number,
): Promise<StalledAccount[]> =>
  rows(
    em,
    sql`select a.id, a.tenant_id, a.channel, a.provider from accounts a
        where ${worksIn('a')} and a.details_at is null and a.merged_into is null and a.id > ${after}::uuid
          and not exists (
            select from sync_runs r where r.account_id = a.id and r.kind = 'details' and r.started_at > ${triedBefore})
        order by a.id limit ${limit}`,
  );
