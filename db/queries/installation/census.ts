import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { canWork } from '../accounts/lease-due-accounts.ts';

/** What the installation's gauges show. */
export interface Census {
  accounts: { state: string; n: number }[];
  overdueAttempts: number;
  refusedKeys: number;
  /** Syncs that run, by kind. */
  syncs: { kind: string; n: number }[];
  /** Accounts whose contacts were due before `overdueSince` and that no sweep has taken. */
  overdueContacts: number;
}

/** Counts over all tenants, without merged accounts. System role. */
export async function census(em: Em, now: Date, overdueSince: Date): Promise<Census> {
  const accounts = await rows<{ state: string; n: number }>(
    em,
    sql`select state, count(*)::int as n from accounts where merged_into is null group by state`,
  );
  const syncs = await rows<{ kind: string; n: number }>(
    em,
    sql`select kind, count(*)::int as n from sync_runs where state = 'running' and paused_at is null and not dry_run
        group by kind`,
  );
  const [others] = await rows<{ overdue: number; refused: number; contacts: number }>(
    em,
    sql`select (select count(*)::int from connection_attempts where state = 'running' and deadline_at < ${now}) as overdue,
          (select count(*)::int from provider_credentials where refused_at is not null) as refused,
          (select count(*)::int from accounts where contacts_due_at < ${overdueSince} and ${canWork}) as contacts`,
  );
  return {
    accounts,
    overdueAttempts: others?.overdue ?? 0,
    refusedKeys: others?.refused ?? 0,
    syncs,
    overdueContacts: others?.contacts ?? 0,
  };
}
