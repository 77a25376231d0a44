import { arrayOf, rows, type Em } from '../../connect.ts';

/** What an account can be due for. */
export type DueColumn = 'contacts_due_at' | 'pictures_due_at';

export interface DueAccount {
  id: string;
  tenant_id: string;
}

/**
 * Claims working accounts that are due, the longest due first, by putting their next time off: whoever claimed them and
 * died is followed by the next sweep after `lapses`. Committed before any provider is asked. System role.
 */
export function leaseAccounts(
  em: Em,
  column: DueColumn,
  now: Date,
  lapses: Date,
  limit: number,
): Promise<DueAccount[]> {
  return rows<DueAccount>(
    em,
    `update accounts set ${column} = ? where id in (
       select id from accounts where ${column} <= ? and state = 'active' and merged_into is null
         and provider_account_id is not null
       order by ${column} limit ? for update skip locked)
     returning id, tenant_id`,
    [lapses, now, limit],
  );
}

/** Moves those claims `from` one time `to` another that still stand: nobody has worked on the accounts since. */
export function moveLeases(
  em: Em,
  column: DueColumn,
  ids: readonly string[],
  from: Date,
  to: Date,
): Promise<DueAccount[]> {
  return rows<DueAccount>(
    em,
    `update accounts set ${column} = ? where id = any(?::uuid[]) and ${column} = ?
       and state = 'active' and merged_into is null and provider_account_id is not null
     returning id, tenant_id`,
    [to, arrayOf(ids), from],
  );
}
