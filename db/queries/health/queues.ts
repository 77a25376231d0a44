import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { settled } from '../events/read-feed.ts';
import { ofTenant } from './account-counts.ts';

/** What waits, and since when the first of it does. */
export interface Waiting {
  waiting: number;
  oldest: Date | null;
  /** Only the first `mostCounted` were looked at. */
  isCapped: boolean;
}

/** The most rows of a queue that are looked at. */
const mostCounted = 10_000;

interface Row {
  waiting: number;
  oldest: string | null;
}
const waitingOf = (row: Row | undefined): Waiting => ({
  waiting: row?.waiting ?? 0,
  oldest: row?.oldest ? new Date(row.oldest) : null,
  isCapped: row?.waiting === mostCounted,
});

/** Webhook events received `since` whose effect is owed. Of a tenant, or of the installation (null; system role), as all below. */
export async function owedEvents(em: Em, tenantId: string | null, since: Date): Promise<Waiting> {
  const [found] = await rows<Row>(
    em,
    sql`select count(*)::int as waiting, min(received_at)::text as oldest from (
          select received_at from webhook_events e
          where state = 'received' and received_at > ${since} and ${ofTenant(tenantId, 'e')}
          order by account_id limit ${mostCounted}) first`,
  );
  return waitingOf(found);
}

/** Messages that are due and not handed over: those that wait for a limit or for their account, too. Unclear ones wait for a person. */
export async function waitingSends(em: Em, tenantId: string | null, now: Date): Promise<Waiting> {
  const [found] = await rows<Row>(
    em,
    sql`select count(*)::int as waiting, min(next_try_at)::text as oldest from (
          select next_try_at from message_sends s
          where ${ofTenant(tenantId, 's')} and state in ('queued', 'sending', 'unclear') and state <> 'unclear'
            and next_try_at <= ${now}
          order by next_try_at limit ${mostCounted}) first`,
  );
  return waitingOf(found);
}

/** How far back an event is looked for that readers cannot see yet, in milliseconds. */
const freshMs = 3_600_000;

/** The first event that is written and that readers of the feed cannot see yet: a transaction that is open holds it back. */
export async function oldestUnseenEvent(em: Em, tenantId: string | null, now: Date): Promise<Date | null> {
  const [found] = await rows<{ oldest: string | null }>(
    em,
    sql`select min(e.at)::text as oldest from tenants t cross join lateral (
          select at from events where tenant_id = t.id and stamp >= ${settled} and at > ${new Date(now.getTime() - freshMs)}
          order by stamp, seq limit 1) e
        where ${tenantId === null ? sql`true` : sql`t.id = ${tenantId}::uuid`}`,
  );
  return found?.oldest ? new Date(found.oldest) : null;
}
