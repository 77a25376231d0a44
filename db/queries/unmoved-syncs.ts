import { rows, type Em } from '../connect.ts';
import type { UnmovedAccount } from './unmoved-accounts.ts';

/** Accounts after `after` with a details sync that is running since before `since`: its workflow may have been lost. */
export function runningSyncs(em: Em, since: Date, after: string, limit: number): Promise<UnmovedAccount[]> {
  return rows<UnmovedAccount>(
    em,
    `select a.id, a.tenant_id, a.channel, a.provider from sync_runs r join accounts a on a.id = r.account_id
     where r.state = 'running' and not r.dry_run and r.kind = 'details' and r.started_at < ? and a.id > ?
     order by a.id limit ?`,
    [since, after, limit],
  );
}

/** Active accounts whose details were never collected, and not tried since `triedBefore`. */
export function accountsWithoutDetails(em: Em, triedBefore: Date, limit: number): Promise<UnmovedAccount[]> {
  return rows<UnmovedAccount>(
    em,
    `select a.id, a.tenant_id, a.channel, a.provider from accounts a
     where a.state = 'active' and a.details_at is null and a.merged_into is null
       and not exists (select from sync_runs r where r.account_id = a.id and r.kind = 'details' and r.started_at > ?)
     limit ?`,
    [triedBefore, limit],
  );
}
