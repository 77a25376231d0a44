import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What an account can be due for. */
export type DueColumn = 'contacts_due_at' | 'pictures_due_at';

export interface DueAccount {
  id: string;
  tenant_id: string;
}

/** Accounts that a sweep may work on. */
const isConnected = sql`state = 'active' and merged_into is null and provider_account_id is not null`;

/**
 * Leases active accounts that are due at `now`, the longest due first, by moving their due time to `until`: when the
 * worker dies, the accounts are due again then. Committed before any provider is asked. System role.
 */
export const leaseAccounts = (
  em: Em,
  column: DueColumn,
  now: Date,
  until: Date,
  limit: number,
): Promise<DueAccount[]> =>
  rows(
    em,
    sql`update accounts set ${sql.ref(column)} = ${until} where id in (
          select id from accounts where ${sql.ref(column)} <= ${now} and ${isConnected}
          order by ${sql.ref(column)} limit ${limit} for update skip locked)
        returning id, tenant_id`,
  );

/** Moves leases `from` one time `to` another, where the account's due time is still the lease's. System role. */
export const moveLeases = (
  em: Em,
  column: DueColumn,
  ids: readonly string[],
  from: Date,
  to: Date,
): Promise<DueAccount[]> =>
  rows(
    em,
    sql`update accounts set ${sql.ref(column)} = ${to}
        where id = any(${ids}::uuid[]) and ${sql.ref(column)} = ${from} and ${isConnected}
        returning id, tenant_id`,
  );
