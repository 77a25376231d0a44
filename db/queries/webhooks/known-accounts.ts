import type { AccountState } from '../../../domain/accounts.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** An upstream login, of the credentials that it is known by. */
export interface AskedLogin {
  credentialsId: string;
  providerAccountId: string;
}

export interface KnownAccount extends AskedLogin {
  id: string;
  tenantId: string;
  channel: string;
  provider: string;
  state: AccountState;
  checkRequested: boolean;
  loginRunning: boolean;
  /** The tenant has erased people, of whom nothing may be stored again. */
  hasErased: boolean;
  /** How many days the tenant keeps messages; null: without limit. */
  messageDays: number | null;
}

/** By the account's login, else by its running attempt's. Each branch reads its own index. */
export const knownAccountsSql = (logins: readonly AskedLogin[]) => sql`
  select asked.credentials as "credentialsId", asked.name as "providerAccountId", found.id, found.tenant_id as "tenantId", found.channel, found.provider,
    found.state, found.check_requested_at is not null as "checkRequested",
    exists (select from connection_attempts t where t.account_id = found.id and t.state = 'running') as "loginRunning",
    exists (select from erased_subjects s where s.tenant_id = found.tenant_id) as "hasErased",
    (select t.message_retention_days from tenants t where t.id = found.tenant_id) as "messageDays"
  from unnest(${logins.map((one) => one.credentialsId)}::uuid[], ${logins.map((one) => one.providerAccountId)}::text[])
    as asked (credentials, name) cross join lateral (
    select a.*, 0 as rank from accounts a
    where a.credentials_id = asked.credentials and a.provider_account_id = asked.name and a.merged_into is null
    union all
    select a.*, 1 from connection_attempts t join accounts a on a.id = t.account_id
    where t.state = 'running' and t.provider_account_id = asked.name
      and a.credentials_id = asked.credentials and a.merged_into is null
    order by rank limit 1) found`;

/** Null for an unknown login. System role. */
export async function knownAccount(
  em: Em,
  credentialsId: string,
  providerAccountId: string | null,
): Promise<KnownAccount | null> {
  if (providerAccountId === null) return null;
  const [found] = await rows<KnownAccount>(em, knownAccountsSql([{ credentialsId, providerAccountId }]));
  return found ?? null;
}
