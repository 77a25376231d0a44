import type { EventType, FeedPlace } from '../../../domain/events.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { settled } from '../events/read-feed.ts';

/** How long a worker may deliver to an endpoint before it must prolong its lease, by the time of the database's machine. */
export const leaseSeconds = 30;

const leaseEnd = sql`clock_timestamp() + make_interval(secs => ${leaseSeconds})`;

/** An endpoint that this worker delivers to, as it was when it was leased. */
export interface LeasedEndpoint {
  id: string;
  tenantId: string;
  url: string;
  types: EventType[] | null;
  accounts: string[] | null;
  headers: string | null;
  secrets: string;
  eventsPerRequest: number;
  failures: number;
  isPaused: boolean;
  /** Changes with each change of what a caller set. */
  version: string;
}

/** How far back events are looked for that came since an endpoint was last free, in milliseconds. */
const freshMs = 600_000;

/**
 * Leases endpoints that have something to do: a delivery is due, the feed goes on, or the worker that had one died. `isThorough`
 * looks for events of any age. System role.
 */
export function leaseEndpoints(
  em: Em,
  workerId: string,
  most: number,
  now: Date,
  isThorough: boolean,
): Promise<LeasedEndpoint[]> {
  const fresh = isThorough ? sql`` : sql`and v.at > ${new Date(now.getTime() - freshMs)}`;
  return rows(
    em,
    sql`with due as materialized (
          select e.id from webhook_endpoints e
          where e.enabled and (e.leased_until is null or e.leased_until < clock_timestamp())
            and (e.paused_at is null or e.probe_at <= ${now})
            and (e.leased_until is not null or e.due_at <= ${now} or exists (
              select from events v
              where v.tenant_id = e.tenant_id and (v.stamp, v.seq) > (e.stamp, e.seq) and v.stamp < ${settled} ${fresh}))
          order by random() limit ${most} for no key update of e skip locked)
        update webhook_endpoints e set leased_by = ${workerId}::uuid, leased_until = ${leaseEnd}, due_at = null
        from due where e.id = due.id
        returning e.id, e.tenant_id as "tenantId", e.url, e.types, e.accounts, e.headers, e.secrets,
          e.events_per_request as "eventsPerRequest", e.failures,
          e.paused_at is not null as "isPaused", e.updated_at::text as version`,
  );
}

/**
 * Prolongs the leases of a worker. Answers the endpoints that it still has, with their versions: those that are gone or
 * disabled are not among them. System role.
 */
export function prolongLeases(
  em: Em,
  workerId: string,
  endpointIds: readonly string[],
): Promise<{ id: string; version: string }[]> {
  return rows(
    em,
    sql`update webhook_endpoints set leased_until = ${leaseEnd}
        where id = any(${[...endpointIds]}::uuid[]) and leased_by = ${workerId}::uuid and leased_until > clock_timestamp() and enabled
        returning id, updated_at::text as version`,
  );
}

/** Whether a worker still has an endpoint, whose row is locked then. System role. */
export async function lockLease(em: Em, workerId: string, endpointId: string): Promise<boolean> {
  const found = await rows(
    em,
    sql`select id from webhook_endpoints where id = ${endpointId}::uuid and leased_by = ${workerId}::uuid for no key update`,
  );
  return found.length > 0;
}

/** Ends a lease. `dueAt`: when the next delivery can be tried; null where none waits. What was queued meanwhile is due. */
export async function releaseEndpoint(
  em: Em,
  workerId: string,
  endpointId: string,
  dueAt: Date | null,
  failures: number,
): Promise<void> {
  await rows(
    em,
    sql`update webhook_endpoints
        set leased_by = null, leased_until = null, failures = ${failures}, due_at = least(due_at, ${dueAt}::timestamptz)
        where id = ${endpointId}::uuid and leased_by = ${workerId}::uuid`,
  );
}

/** A leased endpoint in its row. */
interface LeasedRow {
  /** Its place in the feed. */
  place: FeedPlace;
  /** Deliveries were queued again since it was leased. */
  isRequeued: boolean;
  version: string;
}

/** Locks the row of an endpoint for a page of the feed; null where this worker may not deliver to it any more. Tenant's role. */
export async function lockLeased(em: Em, workerId: string, endpointId: string): Promise<LeasedRow | null> {
  const [row] = await rows<{ stamp: string; seq: string; isRequeued: boolean; version: string }>(
    em,
    sql`select stamp::text, seq::text, due_at is not null as "isRequeued", updated_at::text as version
        from webhook_endpoints
        where id = ${endpointId}::uuid and leased_by = ${workerId}::uuid and leased_until > clock_timestamp() and enabled
        for no key update`,
  );
  if (!row) return null;
  const { stamp, seq, isRequeued, version } = row;
  return { place: { stamp: Number(stamp), seq: Number(seq) }, isRequeued, version };
}

/** Moves the place of a locked endpoint in the feed, and forgets that deliveries were queued again. */
export async function moveEndpoint(em: Em, endpointId: string, { stamp, seq }: FeedPlace): Promise<void> {
  await rows(
    em,
    sql`update webhook_endpoints set stamp = ${stamp}::bigint, seq = ${seq}::bigint, due_at = null
        where id = ${endpointId}::uuid`,
  );
}
