import type { Account } from '../../entities/accounts.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Groups of one account that are kept; a longer name fits no index. */
const most = { groups: 100, length: 255 };

/** Keeps what a provider told of an account's groups; undefined where it told nothing of them. */
export function keepGroups(account: Account, groups: readonly string[] | undefined): void {
  if (!groups) return;
  const fitting = groups.filter((one) => one !== '' && one.length <= most.length && !one.includes('\0'));
  account.providerGroups = [...new Set(fitting)].sort().slice(0, most.groups);
}

/** The groups of an account that no other connected account of the same credentials is in. System role. */
export async function groupsAlone(em: Em, accountId: string): Promise<string[]> {
  const found = await rows<{ name: string }>(
    em,
    sql`select own.name from accounts a cross join lateral unnest(a.provider_groups) as own (name)
        where a.id = ${accountId} and not exists (
          select from accounts other
          where other.provider_groups @> array[own.name] and other.provider_groups <> '{}' and other.id <> a.id
            and other.credentials_id = a.credentials_id and other.merged_into is null
            and other.provider_account_id is not null)`,
  );
  return found.map(({ name }) => name);
}

/** A group, of the credentials that it is known by. */
export interface AskedGroup {
  credentialsId: string;
  group: string;
}

/** A connected account of a group, by its login. */
export interface GroupLogin extends AskedGroup {
  providerAccountId: string;
}

/** Accounts of one group that an event reaches. */
export const mostOfGroup = 1_000;

/** The logins of these groups, without merged accounts and those that have no login. System role. */
export const loginsOfGroups = (em: Em, asked: readonly AskedGroup[]): Promise<GroupLogin[]> =>
  rows<GroupLogin>(
    em,
    sql`select asked.credentials as "credentialsId", asked.name as "group", found.login as "providerAccountId"
      from unnest(${asked.map((one) => one.credentialsId)}::uuid[], ${asked.map((one) => one.group)}::text[])
        as asked (credentials, name) cross join lateral (
        select a.provider_account_id as login from accounts a
        where a.provider_groups @> array[asked.name] and a.provider_groups <> '{}'
          and a.credentials_id = asked.credentials and a.merged_into is null and a.provider_account_id is not null
        limit ${mostOfGroup}) found`,
  );
