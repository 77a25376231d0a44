import { rows, type Em } from '../../connect.ts';

/**
 * Notes whom a whole sync that is about to succeed did not find, and takes back the note of whom it found again: only
 * those rows are written where that changes. Reads what the run's pages held (`sync_pages`), so it is called in the
 * transaction that ends the run, before they are deleted.
 */
export async function markMissing(
  em: Em,
  accountId: string,
  run: { id: string; people: number },
  at: Date,
): Promise<void> {
  // The usual case, told by counting: as many were met as there are, and nobody was missing before.
  const [found] = await rows<{ everybody: boolean }>(
    em,
    `select count(*) = ? and count(missing_since) = 0 as everybody from contacts
     where account_id = ? and merged_into is null`,
    [run.people, accountId],
  );
  if (found?.everybody) return;
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
    [run.id, accountId, at],
  );
}
