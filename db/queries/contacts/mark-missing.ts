import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Marks contacts that a whole sync did not find. Reads `sync_pages`: call it before they are deleted. */
export async function markMissing(
  em: Em,
  accountId: string,
  run: { id: string; people: number },
  at: Date,
): Promise<void> {
  // Usually a count is enough: all were found, and none was missing before.
  const [found] = await rows<{ unchanged: boolean }>(
    em,
    sql`select count(*) = ${run.people} and count(missing_since) = 0 as unchanged from contacts
        where account_id = ${accountId} and merged_into is null`,
  );
  if (found?.unchanged) return;
  await rows(
    em,
    sql`with seen as (
       select distinct encode(substring(p.seen from 9 * n + 1 for 8), 'hex') as tail
       from sync_pages p, generate_series(0, length(p.seen) / 9 - 1) n where p.run_id = ${run.id}),
     now as (
       select c.id, seen.tail is not null as found from contacts c
       left join seen on seen.tail = right(replace(c.id::text, '-', ''), 16)
       where c.account_id = ${accountId} and c.merged_into is null)
     update contacts c set missing_since = case when now.found then null else ${at}::timestamptz end
     from now where c.id = now.id and now.found <> (c.missing_since is null)`,
  );
}
