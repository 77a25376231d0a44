import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { TenantEvent } from '../../entities/outgoing.ts';
import { rows, sql } from '../../sql.ts';

/** A line of a tenant's timeline. `text` holds no personal data; neither it nor `data` holds a secret. */
export interface TenantLine {
  tenantId: string;
  at: Date;
  kind: string;
  text: string;
  data: Record<string, unknown>;
}

export function addTenantEvent(em: Em, line: TenantLine): void {
  em.persist(em.create(TenantEvent, { id: newId(), ...line }));
}

/** Keeps the transaction short. */
const batch = 1_000;

/** Returns the number removed; call again while it is not 0. System role. */
export async function removeTenantEvents(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`delete from tenant_events where id in (
          select id from tenant_events where at < ${before} order by at limit ${batch}) returning id`,
  );
  return removed.length;
}
