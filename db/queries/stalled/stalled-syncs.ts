import type { Em } from '../../connect.ts';
import type { SyncKind } from '../../entities/events.ts';
import { rows, sql } from '../../sql.ts';
import type { StalledAccount } from './stalled-accounts.ts';

/** A running sync with its account; `id` is the sync run's. */
export interface StalledSync extends StalledAccount {
  account_id: string;
  kind: SyncKind;
  scope: string;
}

/**
 * Sync runs after `after` that began before `since` and have no lease at `free`: their workflow may have been lost.
 * System role.
 */
export const runningSyncs = (em: Em, since: Date, free: Date, after: string, limit: number): Promise<StalledSync[]> =>
  rows(
    em,
    sql`select r.id, r.account_id, r.kind, r.scope, a.tenant_id, a.channel, a.provider
        from sync_runs r join accounts a on a.id = r.account_id
        where r.state = 'running' and not r.dry_run and r.started_at < ${since}
          and (r.lease_until is null or r.lease_until < ${free}) and r.id > ${after}::uuid
        order by r.id limit ${limit}`,
  );

/** Active accounts after `after` of `providers`, which have address books, that were never read. System role. */
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

/** Active accounts after `after` whose address book is to be read once more after a connection, by `now`. System role. */
export const accountsToReadAgain = (em: Em, now: Date, after: string, limit: number): Promise<StalledAccount[]> =>
  rows(
    em,
    sql`select a.id, a.tenant_id, a.channel, a.provider from accounts a
        where a.state = 'active' and a.contacts_again_at <= ${now} and a.merged_into is null and a.id > ${after}::uuid
        order by a.id limit ${limit}`,
  );

/**
 * Active accounts after `after` whose details were never collected, and for which no sync began after `triedBefore`.
 * System role.
 */
export const accountsWithoutDetails = (
  em: Em,
  triedBefore: Date,
  after: string,
  limit: number,
): Promise<StalledAccount[]> =>
  rows(
    em,
    sql`select a.id, a.tenant_id, a.channel, a.provider from accounts a
        where a.state = 'active' and a.details_at is null and a.merged_into is null and a.id > ${after}::uuid
          and not exists (
            select from sync_runs r where r.account_id = a.id and r.kind = 'details' and r.started_at > ${triedBefore})
        order by a.id limit ${limit}`,
  );
