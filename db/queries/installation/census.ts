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
  /** Bulk operations that prepare or run, and those whose workflow was to be looked after before `overdueSince.bulk`. */
  openBulk: number;
  overdueBulk: number;
  overdueReminders: number;
  /** Accounts whose messages wait, by reason. */
  heldQueues: { reason: string; n: number }[];
  /** Tenants that send nothing, by reason. */
  stoppedTenants: { reason: string; n: number }[];
  pausedEndpoints: number;
  /** The oldest event that an endpoint that is not paused has not taken; null where there is none. */
  oldestUndelivered: Date | null;
  /** The oldest change that analytics do not count yet; null where there is none. */
  oldestUncounted: Date | null;
}

/** What was due before these times is overdue. */
interface OverdueSince {
  contacts: Date;
  tokens: Date;
  reminders: Date;
  bulk: Date;
}

/** Counts over all tenants, without merged accounts. System role. */
export async function census(em: Em, now: Date, overdueSince: OverdueSince): Promise<Census> {
  const accounts = await accountKinds(em, null);
  const syncs = await rows<{ kind: string; n: number }>(
    em,
    sql`select kind, count(*)::int as n from sync_runs where state = 'running' and paused_at is null and not dry_run
        group by kind`,
  );
  const endpoints = await endpointLag(em, null);
  const [others] = await rows<{
    overdue: number;
    refused: number;
    contacts: number;
    tokens: number;
    open: number;
    stale: number;
    reminders: number;
    uncounted: string | null;
  }>(
    em,
    sql`select (select count(*)::int from connection_attempts where state = 'running' and deadline_at < ${now}) as overdue,
          (select count(*)::int from provider_credentials where refused_at is not null) as refused,
          (select count(*)::int from accounts where contacts_due_at < ${overdueSince.contacts} and ${canWork}) as contacts,
          (select count(*)::int from accounts where keys_due_at < ${overdueSince.tokens} and ${canRenew}) as tokens,
          (select count(*)::int from bulk_operations where due_at is not null and state in ('preparing', 'running')) as open,
          (select count(*)::int from bulk_operations where due_at < ${overdueSince.bulk}) as stale,
          (select count(*)::int from accounts where remind_due_at < ${overdueSince.reminders}) as reminders,
          (select min(marked_at)::text from analytics_marks) as uncounted`,
  );
  const heldQueues = await rows<Census['heldQueues'][number]>(
    em,
    sql`select q.holds_for as reason, count(*)::int as n from send_queues q
        where q.holds_until > ${now} and exists (
          select from message_sends s where s.account_id = q.account_id and s.state = 'queued')
        group by q.holds_for`,
  );
  // A stop of all tenants counts for each.
  const stoppedTenants = await rows<Census['stoppedTenants'][number]>(
    em,
    sql`select s.reason, count(distinct t.id)::int as n from sending_stops s
        join tenants t on t.id = s.tenant_id or s.tenant_id is null group by s.reason`,
  );
  return {
    accounts,
    overdueAttempts: others?.overdue ?? 0,
    refusedKeys: others?.refused ?? 0,
    syncs,
    overdueContacts: others?.contacts ?? 0,
    overdueTokens: others?.tokens ?? 0,
    openBulk: others?.open ?? 0,
    overdueBulk: others?.stale ?? 0,
    overdueReminders: others?.reminders ?? 0,
    heldQueues,
    stoppedTenants,
    pausedEndpoints: endpoints.paused,
    oldestUndelivered: endpoints.oldest,
    oldestUncounted: others?.uncounted ? new Date(others.uncounted) : null,
  };
}
