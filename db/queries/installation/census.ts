import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { canRenew, canWork } from '../accounts/lease-due-accounts.ts';

/** What the installation's gauges show. */
export interface Census {
  accounts: { state: string; who: string; n: number }[];
  overdueAttempts: number;
  refusedKeys: number;
  /** Syncs that run, by kind. */
  syncs: { kind: string; n: number }[];
  /** Accounts whose contacts were due before `overdueSince.contacts` and that no sweep has taken. */
  overdueContacts: number;
  /** The same of tokens. */
  overdueTokens: number;
  /** Tenants that send nothing until an operator resumes. */
  pausedTenants: number;
  pausedEndpoints: number;
  /** The oldest event that an endpoint that is not paused has not taken; null where there is none. */
  oldestUndelivered: Date | null;
}

/** Counts over all tenants, without merged accounts. System role. */
export async function census(em: Em, now: Date, overdueSince: { contacts: Date; tokens: Date }): Promise<Census> {
  const accounts = await rows<Census['accounts'][number]>(
    em,
    sql`select state, who, count(*)::int as n from accounts where merged_into is null group by state, who`,
  );
  const syncs = await rows<{ kind: string; n: number }>(
    em,
    sql`select kind, count(*)::int as n from sync_runs where state = 'running' and paused_at is null and not dry_run
        group by kind`,
  );
  // The first of a feed or of what waits is nearly the oldest one, and an index has it.
  const [endpoints] = await rows<{ paused: number; oldest: string | null }>(
    em,
    sql`select count(*) filter (where e.paused_at is not null)::int as paused,
          min(first.at) filter (where e.paused_at is null) as oldest
        from webhook_endpoints e left join lateral (
          select least(
            (select d.event_at from webhook_deliveries d where d.endpoint_id = e.id and d.state = 'pending'
             order by d.stamp, d.seq limit 1),
            (select v.at from events v where v.tenant_id = e.tenant_id and (v.stamp, v.seq) > (e.stamp, e.seq)
             order by v.stamp, v.seq limit 1)) as at) first on true
        where e.enabled`,
  );
  const [others] = await rows<{ overdue: number; refused: number; contacts: number; tokens: number; paused: number }>(
    em,
    sql`select (select count(*)::int from connection_attempts where state = 'running' and deadline_at < ${now}) as overdue,
          (select count(*)::int from provider_credentials where refused_at is not null) as refused,
          (select count(*)::int from accounts where contacts_due_at < ${overdueSince.contacts} and ${canWork}) as contacts,
          (select count(*)::int from accounts where keys_due_at < ${overdueSince.tokens} and ${canRenew}) as tokens,
          (select count(*)::int from tenants where sending_paused_at is not null) as paused`,
  );
  return {
    accounts,
    overdueAttempts: others?.overdue ?? 0,
    refusedKeys: others?.refused ?? 0,
    syncs,
    overdueContacts: others?.contacts ?? 0,
    overdueTokens: others?.tokens ?? 0,
    pausedTenants: others?.paused ?? 0,
    pausedEndpoints: endpoints?.paused ?? 0,
    oldestUndelivered: endpoints?.oldest ? new Date(endpoints.oldest) : null,
  };
}
