import { arrayOf, rows, type Em } from '../../connect.ts';
import type { SyncKind } from '../../entities/events.ts';
import type { StalledAccount } from './stalled-accounts.ts';

/** A sync that is running, with its account; `id` is the run's. */
export interface StalledSync extends StalledAccount {
  account_id: string;
  kind: SyncKind;
  scope: string;
}

/**
 * Syncs after `after` that are running since before `since`, and that nobody has in hand at `free`: their workflow may
 * have been lost.
 */
export function runningSyncs(em: Em, since: Date, free: Date, after: string, limit: number): Promise<StalledSync[]> {
  return rows<StalledSync>(
    em,
    `select r.id, r.account_id, r.kind, r.scope, a.tenant_id, a.channel, a.provider
     from sync_runs r join accounts a on a.id = r.account_id
     where r.state = 'running' and not r.dry_run and r.started_at < ? and (r.lease_until is null or r.lease_until < ?)
       and r.id > ?
     order by r.id limit ?`,
    [since, free, after, limit],
  );
}

/** Active accounts of `providers`, which have address books, that were never read. */
export function accountsWithoutContacts(
  em: Em,
  providers: readonly string[],
  limit: number,
): Promise<StalledAccount[]> {
  return rows<StalledAccount>(
    em,
    `select a.id, a.tenant_id, a.channel, a.provider from accounts a
     where a.state = 'active' and a.contacts_due_at is null and a.merged_into is null and a.provider = any(?::text[])
     limit ?`,
    [arrayOf(providers), limit],
  );
}

/** Active accounts whose address book is to be read once more after a connection, by `now`. */
export function accountsToReadAgain(em: Em, now: Date, limit: number): Promise<StalledAccount[]> {
  return rows<StalledAccount>(
    em,
    `select a.id, a.tenant_id, a.channel, a.provider from accounts a
     where a.state = 'active' and a.contacts_again_at <= ? and a.merged_into is null
     limit ?`,
    [now, limit],
  );
}

/** Active accounts whose details were never collected, and not tried since `triedBefore`. */
export function accountsWithoutDetails(em: Em, triedBefore: Date, limit: number): Promise<StalledAccount[]> {
  return rows<StalledAccount>(
    em,
    `select a.id, a.tenant_id, a.channel, a.provider from accounts a
     where a.state = 'active' and a.details_at is null and a.merged_into is null
       and not exists (select from sync_runs r where r.account_id = a.id and r.kind = 'details' and r.started_at > ?)
     limit ?`,
    [triedBefore, limit],
  );
}
