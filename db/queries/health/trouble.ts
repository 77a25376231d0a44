import { whoNames, type AccountState, type Who } from '../../../domain/accounts.ts';
import type { Channel, ProviderName } from '../../../domain/channels.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';
import { ofTenant } from './account-counts.ts';

/** States in which an account that once worked does not, or not wholly. A first login that failed is in none of them. */
export const troubledStates = ['degraded', 'reconnect_required'] as const satisfies readonly AccountState[];
export type TroubledState = (typeof troubledStates)[number];

/** The place of an account in the list: since when, as PostgreSQL writes it in UTC, and its id. */
export interface TroublePlace {
  since: string;
  id: string;
}

export interface TroubleFilter {
  /** Null: of the installation; system role. */
  tenantId: string | null;
  /** Which side must act. */
  who: readonly Who[];
  state?: TroubledState | undefined;
  provider?: ProviderName | undefined;
  channel?: Channel | undefined;
  accountId?: string | undefined;
}

// As the predicate of the indexes, word by word.
const isTroubled = sql`state in ('degraded', 'reconnect_required') and merged_into is null`;

/** Accounts in trouble, the longest first. Each side that must act is read by its own part of the index. */
export function troubledAccounts(
  em: Em,
  { tenantId, who, state, provider, channel, accountId }: TroubleFilter,
  after: TroublePlace | null,
  limit: number,
): Promise<TroublePlace[]> {
  const also: Sql[] = [
    ...(state === undefined ? [] : [sql`and state = ${state}`]),
    ...(provider === undefined ? [] : [sql`and provider = ${provider}`]),
    ...(channel === undefined ? [] : [sql`and channel = ${channel}`]),
    ...(accountId === undefined ? [] : [sql`and id = ${accountId}::uuid`]),
    ...(after ? [sql`and (since, id) > (${after.since}::timestamptz, ${after.id}::uuid)`] : []),
  ];
  const parts = who.map(
    (one) => sql`(select since, id from accounts a
      where ${ofTenant(tenantId, 'a')} and who = ${one} and ${isTroubled} ${sql.join(also, sql` `)}
      order by since, id limit ${limit})`,
  );
  return rows(
    em,
    sql`select t.since::text as since, t.id from (${sql.join(parts, sql` union all `)}) t
        order by t.since, t.id limit ${limit}`,
  );
}

/** Since when the account of the installation is in trouble that is so for longest, by who must act. System role. */
export async function oldestTroubles(em: Em): Promise<Record<Who, Date | null>> {
  const found = { owner: null, operator: null, nobody: null } as Record<Who, Date | null>;
  for (const who of whoNames) {
    const [oldest] = await troubledAccounts(em, { tenantId: null, who: [who] }, null, 1);
    found[who] = oldest ? new Date(oldest.since) : null;
  }
  return found;
}
