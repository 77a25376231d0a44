import { contactFields, droppableFields, type DroppableName } from '../../../domain/contact-fields.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/**
 * The contact fields that a tenant keeps, by their names in the code, `raw` among them; null: all. Until the caller's
 * transaction ends the tenant cannot change them, so that nothing is written by an old rule after the new one.
 */
export async function contactFieldPolicy(em: Em, tenantId: string): Promise<ReadonlySet<string> | null> {
  const [row] = await rows<{ contact_fields: DroppableName[] | null }>(
    em,
    sql`select contact_fields from tenants where id = ${tenantId} for share`,
  );
  const kept = row?.contact_fields;
  return kept ? new Set(droppableFields.filter((name) => kept.includes(contactFields[name].wire))) : null;
}
