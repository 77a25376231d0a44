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

/** Adds a line to the timeline of a tenant, or of each of them (null). */
export async function addTenantLines(
  em: Em,
  tenantId: string | null,
  { at, kind, text, data }: Omit<TenantLine, 'tenantId'>,
): Promise<void> {
  const tenants = await rows<{ id: string }>(
    em,
    sql`select id from tenants where ${tenantId}::uuid is null or id = ${tenantId}::uuid`,
  );
  const lines = tenants.map(({ id }) => ({ id: newId(), tenantId: id }));
  await rows(
    em,
    sql`insert into tenant_events (id, tenant_id, at, kind, text, data)
        select id, "tenantId", ${at}, ${kind}, ${text}, ${JSON.stringify(data)}::jsonb
        from jsonb_to_recordset(${JSON.stringify(lines)}::jsonb) as t (id uuid, "tenantId" uuid)`,
  );
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
