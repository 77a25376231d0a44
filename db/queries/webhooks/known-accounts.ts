import type { AccountState } from '../../../domain/accounts.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** The account that an upstream login belongs to. */
export interface KnownAccount {
  providerAccountId: string;
  id: string;
  tenantId: string;
  channel: string;
  provider: string;
  state: AccountState;
  /** A check of it is requested already. */
  checkRequested: boolean;
  /** A login is running on it. */
  loginRunning: boolean;
}

/**
 * SQL for the accounts of upstream logins: by the login that an account has, else by the one that its running attempt has
 * just made. Each branch reads its own index.
 */
export const knownAccountsSql = (credentialsId: string, providerAccountIds: readonly string[]) => sql`
  select asked.name as "providerAccountId", found.id, found.tenant_id as "tenantId", found.channel, found.provider,
    found.state, found.check_requested_at is not null as "checkRequested",
    exists (select from connection_attempts t where t.account_id = found.id and t.state = 'running') as "loginRunning"
  from unnest(${providerAccountIds}::text[]) as asked (name) cross join lateral (
    select a.*, 0 as rank from accounts a
    where a.credentials_id = ${credentialsId} and a.provider_account_id = asked.name and a.merged_into is null
    union all
    select a.*, 1 from connection_attempts t join accounts a on a.id = t.account_id
    where t.state = 'running' and t.provider_account_id = asked.name
      and a.credentials_id = ${credentialsId} and a.merged_into is null
    order by rank limit 1) found`;

/** The account of an upstream login; null for an unknown one. System role. */
export async function knownAccount(
  em: Em,
  credentialsId: string,
  providerAccountId: string | null,
): Promise<KnownAccount | null> {
  if (providerAccountId === null) return null;
  const [found] = await rows<KnownAccount>(em, knownAccountsSql(credentialsId, [providerAccountId]));
  return found ?? null;
}
