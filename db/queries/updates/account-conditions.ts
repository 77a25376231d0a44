import type { AccountState } from '../../../domain/accounts.ts';
import type { Channel, ProviderName } from '../../../domain/channels.ts';
import { sql, type Sql } from '../../sql.ts';

export interface AccountFilter {
  account?: string | undefined;
  ids?: readonly string[] | undefined;
  owner?: string | undefined;
  channel?: Channel | undefined;
  provider?: ProviderName | undefined;
  state?: AccountState | undefined;
  /** Whether it is a first login that failed. */
  failed?: boolean | undefined;
  label?: string | undefined;
  /** Text within label, owner or identity, in any case of its letters. */
  q?: string | undefined;
}

/** Conditions on accounts `a`. */
export function accountConditions(filter: AccountFilter): Sql[] {
  const { account, ids, owner, channel, provider, state, failed, label, q } = filter;
  const parts: Sql[] = [];
  if (account !== undefined) parts.push(sql`a.id = ${account}`);
  if (ids !== undefined) parts.push(sql`a.id = any(${[...ids]}::uuid[])`);
  if (owner !== undefined) parts.push(sql`a.owner = ${owner}`);
  if (channel !== undefined) parts.push(sql`a.channel = ${channel}`);
  if (provider !== undefined) parts.push(sql`a.provider = ${provider}`);
  if (state !== undefined) parts.push(sql`a.state = ${state}`);
  if (failed !== undefined) parts.push(sql`(a.state = 'failed') = ${failed}`);
  if (label !== undefined) parts.push(sql`a.label = ${label}`);
  if (q !== undefined) {
    const some = containing(q);
    parts.push(sql`(a.label ilike ${some} or a.owner ilike ${some} or a.identity ilike ${some})`);
  }
  return parts;
}

/** Conditions after another one. */
export const andAll = (conditions: readonly Sql[]): Sql =>
  conditions.length ? sql`and ${sql.join(conditions, sql` and `)}` : sql``;

/** The pattern of `like` for a text with this one somewhere. */
export const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;
