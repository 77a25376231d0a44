import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What the installation's gauges show. */
export interface Census {
  accounts: { state: string; n: number }[];
  overdueAttempts: number;
  refusedKeys: number;
}

/** Counts over all tenants, without merged accounts. System role. */
export async function census(em: Em, now: Date): Promise<Census> {
  const accounts = await rows<{ state: string; n: number }>(
    em,
    sql`select state, count(*)::int as n from accounts where merged_into is null group by state`,
  );
  const [others] = await rows<{ overdue: number; refused: number }>(
    em,
    sql`select (select count(*)::int from connection_attempts where state = 'running' and deadline_at < ${now}) as overdue,
          (select count(*)::int from provider_credentials where refused_at is not null) as refused`,
  );
  return { accounts, overdueAttempts: others?.overdue ?? 0, refusedKeys: others?.refused ?? 0 };
}
