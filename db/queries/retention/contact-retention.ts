import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { lockContacts } from '../contacts/lock-contacts.ts';

/** Per call; contacts merged into them are removed too and not counted. */
const batch = 1_000;
const accountsAtOnce = 100;

export interface AccountWithOldContacts {
  id: string;
  before: string;
}

// When the whole address book was last read. Ids of runs sort by their start.
const lastWholeSync = (accountId: string) => sql`(
  select r.ended_at from sync_runs r where r.account_id = ${sql.ref(accountId)} and r.kind = 'contacts' and r.scope = ''
    and r.state = 'succeeded' and not r.dry_run order by r.id desc limit 1)`;

/** Never synced, or with contacts that their syncs have not found, for the tenant's retention. System role. */
export const accountsWithOldContacts = (em: Em, now: Date): Promise<AccountWithOldContacts[]> =>
  rows(
    em,
    sql`select a.id, t.before::text as before from (
          select id, ${now}::timestamptz - make_interval(days => contact_retention_days) as before from tenants
          where contact_retention_days is not null) t
        join accounts a on a.tenant_id = t.id
        where exists (select from contacts c where c.tenant_id = t.id and c.account_id = a.id and c.merged_into is null
                and c.missing_since < t.before and c.updated_at < t.before)
           or (coalesce(${lastWholeSync('a.id')}, '-infinity') < t.before
               and exists (select from contacts c where c.account_id = a.id and c.merged_into is null
                 and c.missing_since is null and c.updated_at < t.before))
        limit ${accountsAtOnce}`,
  );

// A contact is confirmed by a write and by each whole sync that finds it: syncs do not rewrite unchanged contacts, so
// the
// run and `missing_since` count.
export async function removeOldContacts(em: Em, { id, before }: AccountWithOldContacts): Promise<number> {
  await lockContacts(em, id);
  const removed = await rows(
    em,
    sql`delete from contacts where id in (
          select c.id from contacts c where c.account_id = ${id} and c.merged_into is null
            and greatest(c.updated_at, coalesce(c.missing_since, ${lastWholeSync('c.account_id')}, c.updated_at))
              < ${before}::timestamptz
          limit ${batch}) returning id`,
  );
  return removed.length;
}
