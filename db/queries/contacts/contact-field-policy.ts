import { contactFields, type ContactFieldName } from '../../../domain/erasure.ts';
import { rows, type Em } from '../../connect.ts';

/**
 * The contact fields that a tenant keeps, by their names in the code, `raw` among them; null: all. Until the caller's
 * transaction ends the tenant cannot change them, so that nothing is written by an old rule after the new one.
 */
export async function contactFieldPolicy(em: Em, tenantId: string): Promise<ReadonlySet<string> | null> {
  const [row] = await rows<{ contact_fields: ContactFieldName[] | null }>(
    em,
    'select contact_fields from tenants where id = ? for share',
    [tenantId],
  );
  return row?.contact_fields ? new Set(row.contact_fields.map((name) => contactFields[name])) : null;
}
