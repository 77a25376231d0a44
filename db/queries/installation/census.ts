import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { canRenew, canWork } from '../accounts/lease-due-accounts.ts';
import { accountKinds, type AccountKind } from '../health/account-counts.ts';
import { endpointLag } from '../outgoing/endpoint-lag.ts';

/** What the installation's gauges show. */
export interface Census {
  accounts: AccountKind[];
  overdueAttempts: number;
  refusedKeys: number;
  /** Syncs that run, by kind. */
  syncs: { kind: string; n: number }[];
  /** Accounts whose contacts were due before `overdueSince.contacts` and that no sweep has taken. */
  overdueContacts: number;
  /** The same of tokens. */
  overdueTokens: number;
  pausedEndpoints: number;
  /** The oldest event that an endpoint that is not paused has not taken; null where there is none. */
  oldestUndelivered: Date | null;
}

/** Counts over all tenants, without merged accounts. System role. */
export async function census(em: Em, now: Date, overdueSince: { contacts: Date; tokens: Date }): Promise<Census> {
  const accounts = await accountKinds(em, null);
  const syncs = await rows<{ kind: string; n: number }>(
    em,
    sql`select kind, count(*)::int as n from sync_runs where state = 'running' and paused_at is null and not dry_run
        group by kind`,
  );
  const endpoints = await endpointLag(em, null);
  const [others] = await rows<{ overdue: number; refused: number; contacts: number; tokens: number }>(
    em,
    sql`select (select count(*)::int from connection_attempts where state = 'running' and deadline_at < ${now}) as overdue,
          (select count(*)::int from provider_credentials where refused_at is not null) as refused,
          (select count(*)::int from accounts where contacts_due_at < ${overdueSince.contacts} and ${canWork}) as contacts,
          (select count(*)::int from accounts where keys_due_at < ${overdueSince.tokens} and ${canRenew}) as tokens`,
  );
  return {
    accounts,
    overdueAttempts: others?.overdue ?? 0,
    refusedKeys: others?.refused ?? 0,
    syncs,
    overdueContacts: others?.contacts ?? 0,
    overdueTokens: others?.tokens ?? 0,
    pausedEndpoints: endpoints.paused,
    oldestUndelivered: endpoints.oldest,
  };
}
