import type { AccountState } from '../../../domain/accounts.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

export interface KnownAccount {
  providerAccountId: string;
  id: string;
  tenantId: string;
  channel: string;
  provider: string;
  state: AccountState;
  checkRequested: boolean;
  loginRunning: boolean;
  /** The tenant has erased people, of whom nothing may be stored again. */
  hasErased: boolean;
}

/** By the account's login, else by its running attempt's. Each branch reads its own index. */
export const knownAccountsSql = (credentialsId: string, providerAccountIds: readonly string[]) => sql`
  select asked.name as "providerAccountId", found.id, found.tenant_id as "tenantId", found.channel, found.provider,
    found.state, found.check_requested_at is not null as "checkRequested",
    exists (select from connection_attempts t where t.account_id = found.id and t.state = 'running') as "loginRunning",
    exists (select from erased_subjects s where s.tenant_id = found.tenant_id) as "hasErased"
  from unnest(${providerAccountIds}::text[]) as asked (name) cross join lateral (
    select a.*, 0 as rank from accounts a
    where a.credentials_id = ${credentialsId} and a.provider_account_id = asked.name and a.merged_into is null
    union all
    select a.*, 1 from connection_attempts t join accounts a on a.id = t.account_id
    where t.state = 'running' and t.provider_account_id = asked.name
      and a.credentials_id = ${credentialsId} and a.merged_into is null
    order by rank limit 1) found`;

/** Null for an unknown login. System role. */
export async function knownAccount(
  em: Em,
  credentialsId: string,
  providerAccountId: string | null,
): Promise<KnownAccount | null> {
  if (providerAccountId === null) return null;
  const [found] = await rows<KnownAccount>(em, knownAccountsSql(credentialsId, [providerAccountId]));
  return found ?? null;
}
