import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What an account can be due for. */
export type DueColumn = 'contacts_due_at' | 'pictures_due_at';

export interface DueAccount {
  id: string;
  tenant_id: string;
}

const canWork = sql`state = 'active' and merged_into is null and provider_account_id is not null`;

/**
 * Leases working accounts that are due, the longest due first, by setting their next time to `until`: the leases of a
 * worker that dies are taken by the next sweep after it. To be committed before any provider is asked. System role.
 */
export function leaseAccounts(em: Em, column: DueColumn, now: Date, until: Date, limit: number): Promise<DueAccount[]> {
  const due = sql.ref(column);
  return rows<DueAccount>(
    em,
    sql`update accounts set ${due} = ${until} where id in (
          select id from accounts where ${due} <= ${now} and ${canWork}
          order by ${due} limit ${limit} for no key update skip locked)
        returning id, tenant_id`,
  );
}

/** Moves leases that end at `from` to `to`; those that another worker has changed since stay. */
export function moveLeases(
  em: Em,
  column: DueColumn,
  ids: readonly string[],
  from: Date,
  to: Date,
): Promise<DueAccount[]> {
  const due = sql.ref(column);
  return rows<DueAccount>(
    em,
    sql`update accounts set ${due} = ${to} where id = any(${ids}::uuid[]) and ${due} = ${from} and ${canWork}
        returning id, tenant_id`,
  );
}
