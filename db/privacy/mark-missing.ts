import { rows, type Em } from '../connect.ts';

/**
 * Notes whom a whole sync that is about to succeed did not find, and takes back the note of whom it found again: only
 * those rows are written where that changes. Reads what the run's pages held (`sync_pages`), so it is called in the
 * transaction that ends the run, before they are deleted.
 */
export async function markMissing(em: Em, accountId: string, runId: string, at: Date): Promise<void> {
  await rows(
    em,
    `with seen as (
       select distinct encode(substring(p.seen from 9 * n + 1 for 8), 'hex') as tail
       from sync_pages p, generate_series(0, length(p.seen) / 9 - 1) n where p.run_id = ?),
     now as (
       select c.id, seen.tail is not null as found from contacts c
       left join seen on seen.tail = right(replace(c.id::text, '-', ''), 16)
       where c.account_id = ? and c.merged_into is null)
     update contacts c set missing_since = case when now.found then null else ?::timestamptz end
     from now where c.id = now.id and now.found <> (c.missing_since is null)`,
    [runId, accountId, at],
  );
}
