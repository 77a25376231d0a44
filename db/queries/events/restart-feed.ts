import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/**
 * Empties the feed of tenants whose rows came from a dump: the stamps in it are another server's, and cursors from before tell
 * of what is not here. Every such cursor counts as too old. System role.
 */
export async function restartFeed(em: Em, tenantIds: readonly string[]): Promise<void> {
  await rows(em, sql`delete from events where tenant_id = any(${[...tenantIds]}::uuid[])`);
  await rows(
    em,
    sql`insert into event_floors (tenant_id, stamp, seq)
        select id, pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1, 0 from unnest(${[...tenantIds]}::uuid[]) as t (id)
        on conflict (tenant_id) do update set stamp = excluded.stamp, seq = excluded.seq`,
  );
}
