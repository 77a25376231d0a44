import { contactFieldNames, type ContactFieldName } from '../../../domain/erasure.ts';
import { lockContacts } from '../contacts/lock-contacts.ts';
import { arrayOf, rows, type Database, type Em } from '../../connect.ts';

/**
 * Empties, in all contacts of tenants that changed what they keep, the fields that they keep no more: an account at a
 * time. Safe to stop anywhere; a tenant is done when every account is. Answers how many contacts it changed.
 */
export async function clearDroppedFields(db: Database): Promise<number> {
  const owed = await db.system((em) =>
    rows<{ id: string; contact_fields: ContactFieldName[] | null }>(
      em,
      'select id, contact_fields from tenants where contact_fields_owed order by id limit 20',
    ),
  );
  let changed = 0;
  for (const { id, contact_fields: kept } of owed) {
    const accounts = await db.system((em) =>
      rows<{ id: string }>(em, 'select id from accounts where tenant_id = ? order by id', [id]),
    );
    for (const account of accounts) changed += await db.tenant(id, (em) => clearAccount(em, account.id, kept));
    await db.system((em) =>
      rows(
        em,
        'update tenants set contact_fields_owed = false where id = ? and contact_fields is not distinct from ?::text[]',
        [id, kept && arrayOf(kept)],
      ),
    );
  }
  return changed;
}

/** Columns of the fields; what a person of the tenant wrote instead of the provider's word stays. */
const columns: Record<ContactFieldName, { column: string; left: string }> = {
  phone_number: { column: 'phone_number', left: 'null' },
  saved_name: { column: 'saved_name', left: 'null' },
  push_name: { column: 'push_name', left: 'null' },
  verified_name: { column: 'verified_name', left: 'null' },
  company: { column: 'company', left: "edits->>'company'" },
  profile_image_url: { column: 'profile_image_url', left: 'null' },
  whatsapp_status: { column: 'whatsapp_status', left: 'null' },
  raw: { column: 'raw_wasender_data', left: 'null' },
};
/** Where the fields' origins are told. */
const originOf: Partial<Record<ContactFieldName, string>> = {
  phone_number: 'phoneNumber',
  saved_name: 'savedName',
  push_name: 'pushName',
  verified_name: 'verifiedName',
  profile_image_url: 'profileImageUrl',
  whatsapp_status: 'whatsappStatus',
};

async function clearAccount(em: Em, accountId: string, kept: readonly ContactFieldName[] | null): Promise<number> {
  await lockContacts(em, accountId);
  // Digests of entries are made with the fields that are kept, so most differ by themselves now; none may stay behind.
  await rows(em, 'update contact_aliases set content_hash = null where account_id = ? and content_hash is not null', [
    accountId,
  ]);
  if (!kept || kept.includes('profile_image_url'))
    await rows(
      em,
      `update contacts set picture_at = null where profile_image_url is null and picture_at is not null and ${ofAccount}`,
      [accountId],
    );
  const dropped = kept ? contactFieldNames.filter((name) => !kept.includes(name)) : [];
  if (!dropped.length) return 0;
  const lost = (name: ContactFieldName): string => `${columns[name].column} is distinct from ${columns[name].left}`;
  const nameLeft = (name: ContactFieldName): string => (dropped.includes(name) ? 'null' : name);
  const origins = dropped.flatMap((name) => originOf[name] ?? []);
  // What an edited company stands over is the provider's word too.
  const over = dropped.includes('company');
  const changed = await rows(
    em,
    `update contacts set ${dropped.map((name) => `${columns[name].column} = ${columns[name].left}`).join(', ')},
       name = coalesce(edits->>'name', ${nameLeft('saved_name')}, ${nameLeft('push_name')}),
       provenance = (provenance - '{${origins.join(',')}}'::text[])${over ? " #- '{company,over}'" : ''}
     where (${dropped.map(lost).join(' or ')}${over ? " or provenance #> '{company,over}' is not null" : ''}) and ${ofAccount} returning id`,
    [accountId],
  );
  return changed.length;
}

/** Every contact has an alias; so those are found by the account that were merged into another, too. */
const ofAccount = 'id in (select contact_id from contact_aliases where account_id = ?)';
