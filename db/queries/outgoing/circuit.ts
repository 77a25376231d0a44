import { circuit } from '../../../domain/deliveries.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Opens the circuit of an endpoint, or keeps it open until the next probe. True where it was closed. System role. */
export async function openCircuit(em: Em, endpointId: string, failures: number, now: Date): Promise<boolean> {
  const probeAt = new Date(now.getTime() + circuit.probeEveryMs);
  const opened = await rows<{ fresh: boolean }>(
    em,
    sql`update webhook_endpoints e
        set paused_at = coalesce(e.paused_at, ${now}), probe_at = ${probeAt}, failures = ${failures}
        from (select id, paused_at is null as fresh from webhook_endpoints where id = ${endpointId}::uuid for no key update) before
        where e.id = before.id returning before.fresh`,
  );
  return opened[0]?.fresh ?? false;
}

/** Closes it, and makes everything due that waited for its next try. True where it was open. System role. */
export async function closeCircuit(em: Em, endpointId: string, now: Date): Promise<boolean> {
  const closed = await rows(
    em,
    sql`update webhook_endpoints set paused_at = null, probe_at = null, failures = 0
        where id = ${endpointId}::uuid and paused_at is not null returning id`,
  );
  if (!closed.length) return false;
  await rows(
    em,
    sql`update webhook_deliveries set next_try_at = ${now}
        where endpoint_id = ${endpointId}::uuid and state = 'pending' and next_try_at > ${now}`,
  );
  return true;
}

/** Disables an endpoint that answered 410. True where it was enabled. System role. */
export async function disableGone(em: Em, endpointId: string, now: Date): Promise<boolean> {
  const disabled = await rows(
    em,
    sql`update webhook_endpoints
        set enabled = false, disabled_reason = 'gone', paused_at = null, probe_at = null, updated_at = ${now}
        where id = ${endpointId}::uuid and enabled returning id`,
  );
  return disabled.length > 0;
}
