import type { AccountState, Who } from '../../../domain/accounts.ts';
import type { Channel, ProviderName } from '../../../domain/channels.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

/** How many accounts of one kind there are; merged ones are none. */
export interface AccountKind {
  provider: ProviderName;
  channel: Channel;
  state: AccountState;
  reason: string | null;
  who: Who;
  accounts: number;
}

/** Rows of one tenant, or of the whole installation (null; system role). */
export const ofTenant = (tenantId: string | null, table: string): Sql =>
  tenantId === null ? sql`true` : sql`${sql.ref(`${table}.tenant_id`)} = ${tenantId}::uuid`;

/** Accounts by kind, without reading them. */
export const accountKinds = (em: Em, tenantId: string | null): Promise<AccountKind[]> =>
  rows(
    em,
    sql`select provider, channel, state, reason, who, sum(accounts)::int as accounts from account_counts c
        where ${ofTenant(tenantId, 'c')} group by provider, channel, state, reason, who having sum(accounts) <> 0
        order by provider, channel, state, reason nulls first, who`,
  );

/** Rows that one fold takes. */
const mostFolded = 50_000;

/**
 * Adds up the rows of each kind, where a tenant has many more of them than kinds. Readers see the rows before or the sums,
 * never both; rows that another fold has locked stay for the next one. Answers how many rows it took. System role.
 */
export async function foldAccountCounts(em: Em): Promise<number> {
  const [folded] = await rows<{ n: number }>(
    em,
    sql`with many as (
          select tenant_id from account_counts group by tenant_id
          having count(*) > 2 * count(distinct (provider, channel, state, reason, who)) + 10),
        taken as (
          delete from account_counts where id in (
            select id from account_counts where tenant_id in (select tenant_id from many) limit ${mostFolded}
            for update skip locked)
          returning tenant_id, provider, channel, state, reason, who, accounts),
        summed as (
          insert into account_counts (tenant_id, provider, channel, state, reason, who, accounts)
          select tenant_id, provider, channel, state, reason, who, sum(accounts) from taken
          group by tenant_id, provider, channel, state, reason, who having sum(accounts) <> 0)
        select count(*)::int as n from taken`,
  );
  return folded?.n ?? 0;
}
