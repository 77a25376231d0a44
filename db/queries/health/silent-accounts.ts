import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { ofTenant } from './account-counts.ts';

/** The most accounts that are counted. */
const mostCounted = 10_000;

/** Accounts that are silent for longer than they usually are, as their last visits found. Null: of the installation; system role. */
export async function silentAccounts(em: Em, tenantId: string | null): Promise<number> {
  const [found] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from (
          select from account_visits v where ${ofTenant(tenantId, 'v')} and silent_since is not null
          limit ${mostCounted}) silent`,
  );
  return found?.n ?? 0;
}
