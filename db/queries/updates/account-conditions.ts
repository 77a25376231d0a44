import type { AccountState } from '../../../domain/accounts.ts';
import type { Channel, ProviderName } from '../../../domain/channels.ts';
import { sql, type Sql } from '../../sql.ts';

export interface AccountFilter {
  account?: string | undefined;
  owner?: string | undefined;
  channel?: Channel | undefined;
  provider?: ProviderName | undefined;
  state?: AccountState | undefined;
  /** Whether it is a first login that failed. */
  failed?: boolean | undefined;
}

/** Conditions on accounts `a`. */
export function accountConditions({ account, owner, channel, provider, state, failed }: AccountFilter): Sql[] {
  const parts: Sql[] = [];
  if (account !== undefined) parts.push(sql`a.id = ${account}`);
  if (owner !== undefined) parts.push(sql`a.owner = ${owner}`);
  if (channel !== undefined) parts.push(sql`a.channel = ${channel}`);
  if (provider !== undefined) parts.push(sql`a.provider = ${provider}`);
  if (state !== undefined) parts.push(sql`a.state = ${state}`);
  if (failed !== undefined) parts.push(sql`(a.state = 'failed') = ${failed}`);
  return parts;
}
