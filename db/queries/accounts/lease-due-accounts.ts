import type { Em } from '../../connect.ts';
import { workingReasons } from '../../../domain/accounts.ts';
import { rows, sql, type Sql } from '../../sql.ts';

export type DueColumn = 'contacts_due_at' | 'pictures_due_at' | 'keys_due_at';

export interface DueAccount {
  id: string;
  tenant_id: string;
}

/** As `isWorking`, of the accounts that a statement calls `table`. */
export const worksIn = (table: string): Sql =>
  sql`(${sql.ref(`${table}.state`)} = 'active'
    or ${sql.ref(`${table}.state`)} = 'degraded' and ${sql.ref(`${table}.reason`)} = any(${workingReasons}::text[]))`;

/** The condition for accounts of which something can be fetched now. */
export const canWork = sql`${worksIn('accounts')} and merged_into is null and provider_account_id is not null`;

/** Tokens are kept alive also while something else is wrong with the account. */
export const canRenew = sql`accounts.state in ('active', 'degraded', 'reconnect_required')
  and merged_into is null and provider_account_id is not null`;

const isDueFor = (column: DueColumn): Sql => (column === 'keys_due_at' ? canRenew : canWork);

/**
 * Leases the accounts due longest; a later sweep takes expired leases. Commit before any call to a provider. System
 * role.
 */
export function leaseAccounts(em: Em, column: DueColumn, now: Date, until: Date, limit: number): Promise<DueAccount[]> {
  const due = sql.ref(column);
  return rows<DueAccount>(
    em,
    sql`update accounts set ${due} = ${until} where id in (
          select id from accounts where ${due} <= ${now} and ${isDueFor(column)}
          order by ${due} limit ${limit} for no key update skip locked)
        returning id, tenant_id`,
  );
}

/** Moves leases that end at `from`; those that another worker has changed since stay. */
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
    sql`update accounts set ${due} = ${to} where id = any(${ids}::uuid[]) and ${due} = ${from} and ${isDueFor(column)}
        returning id, tenant_id`,
  );
}
