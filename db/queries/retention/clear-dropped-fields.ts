import { contactFields, droppableFields, type DroppableName } from '../../../domain/contact-fields.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { lockContacts } from '../contacts/lock-contacts.ts';

export interface ChangedFieldPolicy {
  id: string;
  kept: DroppableName[] | null;
}

/** Tenants whose contacts may still hold dropped fields. System role. */
export const changedFieldPolicies = (em: Em): Promise<ChangedFieldPolicy[]> =>
  rows(em, sql`select id, contact_fields as kept from tenants where contact_fields_owed order by id limit 20`);

export async function accountIdsOf(em: Em, tenantId: string): Promise<string[]> {
  const found = await rows<{ id: string }>(em, sql`select id from accounts where tenant_id = ${tenantId} order by id`);
  return found.map(({ id }) => id);
}

/** Does nothing where the tenant changed the policy again meanwhile. System role. */
export async function closeFieldPolicy(em: Em, { id, kept }: ChangedFieldPolicy): Promise<void> {
  await rows(
    em,
    sql`update tenants set contact_fields_owed = false
        where id = ${id} and contact_fields is not distinct from ${kept}::text[]`,
  );
}

/** Clears dropped fields in all contacts of one account. Safe to repeat. Returns the number of changed contacts. */
export async function clearDroppedFields(
  em: Em,
  accountId: string,
  kept: readonly DroppableName[] | null,
): Promise<number> {
  // Every contact has an alias: this also finds contacts merged into another account's.
  const ofAccount = sql`id in (select contact_id from contact_aliases where account_id = ${accountId})`;
  await lockContacts(em, accountId);
  // Digests are made from the kept fields: they no longer match.
  await rows(
    em,
    sql`update contact_aliases set content_hash = null where account_id = ${accountId} and content_hash is not null`,
  );
  if (!kept || kept.includes('profile_image_url'))
    await rows(
      em,
      sql`update contacts set picture_at = null
          where profile_image_url is null and picture_at is not null and ${ofAccount}`,
    );
  const dropped = kept ? droppableFields.filter((name) => !kept.includes(contactFields[name].wire)) : [];
  if (!dropped.length) return 0;
  const fields = dropped.map((name) => ({
    column: sql.ref(contactFields[name].column),
    // An edit of the tenant stays.
    left: name === 'company' ? sql`edits->>'company'` : sql`null`,
  }));
  const nameLeft = (name: 'savedName' | 'pushName') =>
    dropped.includes(name) ? sql`null` : sql.ref(contactFields[name].column);
  const provenance = dropped.filter((name) => name !== 'company' && name !== 'raw');
  // An edited company keeps the provider's value in the edit's provenance.
  const company = dropped.includes('company');
  const changed = await rows(
    em,
    sql`update contacts set
          ${sql.join(fields.map(({ column, left }) => sql`${column} = ${left}`))},
          name = coalesce(edits->>'name', ${nameLeft('savedName')}, ${nameLeft('pushName')}),
          provenance = (provenance - ${provenance}::text[]) ${company ? sql`#- '{company,over}'` : sql``}
        where (${sql.join(
          fields.map(({ column, left }) => sql`${column} is distinct from ${left}`),
          sql` or `,
        )} ${company ? sql`or provenance #> '{company,over}' is not null` : sql``}) and ${ofAccount}
        returning id`,
  );
  return changed.length;
}
