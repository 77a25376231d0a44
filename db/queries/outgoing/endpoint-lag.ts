import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** How far behind the deliveries to webhook endpoints are. */
export interface EndpointLag {
  /** Endpoints at which deliveries failed in a row. */
  paused: number;
  /** The oldest event that an endpoint that is not paused has not taken; null where there is none. */
  oldest: Date | null;
}

/**
 * Of a tenant, or of the installation (null; system role). The first event of a feed, or of what waits, is nearly the oldest
 * one, and an index has it.
 */
export async function endpointLag(em: Em, tenantId: string | null): Promise<EndpointLag> {
  const tenant = tenantId === null ? sql`` : sql`and e.tenant_id = ${tenantId}::uuid`;
  const [found] = await rows<{ paused: number; oldest: string | null }>(
    em,
    sql`select count(*) filter (where e.paused_at is not null)::int as paused,
          min(first.at) filter (where e.paused_at is null)::text as oldest
        from webhook_endpoints e left join lateral (
          select least(
            (select d.event_at from webhook_deliveries d where d.endpoint_id = e.id and d.state = 'pending'
             order by d.stamp, d.seq limit 1),
            (select v.at from events v where v.tenant_id = e.tenant_id and (v.stamp, v.seq) > (e.stamp, e.seq)
             order by v.stamp, v.seq limit 1)) as at) first on true
        where e.enabled ${tenant}`,
  );
  return { paused: found?.paused ?? 0, oldest: found?.oldest ? new Date(found.oldest) : null };
}
