import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { lockContacts } from '../contacts/lock-contacts.ts';

/** Contacts that one call removes at most; contacts that were merged into them go too and are not counted. */
const batch = 1_000;
/** Accounts that one call answers at most. */
const accountsAtOnce = 100;

/** An account with contacts to remove: those that nothing has confirmed since `before`. */
export interface AccountWithOldContacts {
  id: string;
  before: string;
}

/** When the account's whole address book was last read to its end. Ids of runs sort by when they began. */
const lastWholeSync = (accountId: string) => sql`(
  select r.ended_at from sync_runs r where r.account_id = ${sql.ref(accountId)} and r.kind = 'contacts' and r.scope = ''
    and r.state = 'succeeded' and not r.dry_run order by r.id desc limit 1)`;

/**
 * Accounts with contacts that nothing has confirmed for as long as their tenant keeps them: accounts that were not
 * synced for that long, and accounts with contacts that their syncs have not found for that long. System role.
 */
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

/**
 * Removes contacts of one account that nothing has confirmed since `before`. A contact is confirmed when it is written
 * (a change at the provider, an edit, a group), and by each whole sync of its account that still finds it. A sync does
 * not rewrite an unchanged contact, so the sync run and `missing_since` say that. Answers how many it removed; call
 * again while it is not 0. System role.
 */
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
