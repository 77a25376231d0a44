import { lockContacts } from '../contacts/lock-contacts.ts';
import { rows, type Database, type Em } from '../../connect.ts';

/** Contacts that one transaction removes at most; those that were merged into them go along and are not counted. */
const batch = 1_000;
/** Accounts of one round. */
const accountsAtOnce = 100;

/**
 * Removes contacts that nothing has confirmed for as long as their tenant keeps them. A contact is confirmed when it is
 * written (a change at the provider, an edit, a group), and by each whole sync of its account that still finds it: an
 * unchanged contact is not rewritten by a sync, so the sync's own row and `missing_since` tell that. Answers how many
 * it removed; call again while it is not 0.
 */
export async function applyContactRetention(db: Database, now: Date): Promise<number> {
  const stale = await db.system((em) => staleAccounts(em, now));
  let removed = 0;
  for (const { id, before } of stale)
    removed += await db.system(async (em) => {
      await lockContacts(em, id);
      const gone = await rows(
        em,
        `delete from contacts where id in (
           select c.id from contacts c where c.account_id = ? and c.merged_into is null
             and greatest(c.updated_at, coalesce(c.missing_since, ${lastWholeSync('c.account_id')}, c.updated_at)) < ?::timestamptz
           limit ?) returning id`,
        [id, before, batch],
      );
      return gone.length;
    });
  return removed;
}

/** When the account's whole address book was last read to its end. Ids of runs sort by when they began. */
const lastWholeSync = (accountId: string): string => `(
  select r.ended_at from sync_runs r where r.account_id = ${accountId} and r.kind = 'contacts' and r.scope = ''
    and r.state = 'succeeded' and not r.dry_run order by r.id desc limit 1)`;

/** Accounts with contacts to remove: not read for that long, or with people whom the syncs miss since then. */
const staleAccounts = (em: Em, now: Date): Promise<{ id: string; before: string }[]> =>
  rows(
    em,
    `select a.id, t.before::text as before from (
       select id, ?::timestamptz - make_interval(days => contact_retention_days) as before from tenants
       where contact_retention_days is not null) t
     join accounts a on a.tenant_id = t.id
     where exists (select from contacts c where c.tenant_id = t.id and c.account_id = a.id and c.merged_into is null
             and c.missing_since < t.before and c.updated_at < t.before)
        or (coalesce(${lastWholeSync('a.id')}, '-infinity') < t.before
            and exists (select from contacts c where c.account_id = a.id and c.merged_into is null
              and c.missing_since is null and c.updated_at < t.before))
     limit ${accountsAtOnce}`,
    [now],
  );
