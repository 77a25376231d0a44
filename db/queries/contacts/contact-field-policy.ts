import { contactFields, droppableFields, type DroppableName } from '../../../domain/contact-fields.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** The stored fields by name in the code; null: all. The policy cannot change until the transaction ends. */
export async function contactFieldPolicy(em: Em, tenantId: string): Promise<ReadonlySet<string> | null> {
  const [row] = await rows<{ contact_fields: DroppableName[] | null }>(
    em,
    sql`select contact_fields from tenants where id = ${tenantId} for share`,
  );
  const kept = row?.contact_fields;
  return kept ? new Set(droppableFields.filter((name) => kept.includes(contactFields[name].wire))) : null;
}
