import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** Times of a provider's list and of its messages differ by this, in seconds. */
const slack = 2;

/**
 * Whether one of the conversations has a newer message at the provider than here. A conversation of which none of the keys is
 * known here counts.
 */
export async function hasUnread(
  em: Em,
  accountId: string,
  listed: readonly { keys: readonly string[]; newestAt: Date }[],
): Promise<boolean> {
  if (!listed.length) return false;
  const [found] = await rows<{ found: boolean }>(
    em,
    sql`select exists (
          select from ${recordset(listed, sql`(keys text[], "newestAt" timestamptz)`)} as g cross join lateral (
            select max(greatest(c.last_message_at, h.covered_to)) as "newestAt"
            from provider_keys k join conversations c on c.id = k.target_id
            left join conversation_history h on h.account_id = k.account_id and h.key = k.key
            where k.account_id = ${accountId} and k.kind = 'conversation' and k.key = any(g.keys)) here
          where coalesce(g."newestAt" > here."newestAt" + ${slack} * interval '1 second', true)
        ) as found`,
  );
  return found?.found ?? false;
}

/** How many conversations of each account have more at their provider than is here; accounts without one are left out. System role. */
export const countBehind = (em: Em, accounts: readonly string[]): Promise<{ id: string; n: number }[]> =>
  rows(
    em,
    sql`select account_id as id, count(*)::int as n from conversation_history
        where account_id = any(${accounts}::uuid[]) and (provider_newest_at > covered_to or covered_to is null)
        group by account_id`,
  );
