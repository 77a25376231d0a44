import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

const contactCounts = [
  'total_contacts',
  'synced_contacts',
  'not_synced_contacts',
  'contacts_with_names',
  'contacts_without_names',
  'contacts_with_pictures',
  'business_contacts',
] as const;
type ContactCounts = Record<(typeof contactCounts)[number], number>;

/** Merged contacts are left out, as by `get_wasender_sync_stats`. */
export async function countContacts(em: Em, account: string | null): Promise<ContactCounts> {
  const [counted] = await rows<Record<string, string>>(
    em,
    sql`select count(*) as total_contacts,
          count(*) filter (where wasender_sync_status = 'synced') as synced_contacts,
          count(*) filter (where wasender_sync_status = 'not_synced') as not_synced_contacts,
          count(*) filter (where coalesce(verified_name, name) is not null) as contacts_with_names,
          count(*) filter (where coalesce(verified_name, name) is null) as contacts_without_names,
          count(*) filter (where profile_image_url is not null) as contacts_with_pictures,
          count(*) filter (where is_business_account) as business_contacts
        from contacts where merged_into is null and account_id = coalesce(${account}::uuid, account_id)`,
  );
  return Object.fromEntries(contactCounts.map((name) => [name, Number(counted?.[name] ?? 0)])) as ContactCounts;
}

/** What `get_wasender_sync_stats` returns for the tenant: `last_sync` as text, the others as digits. */
export async function syncStats(em: Em): Promise<Record<string, string | null>> {
  const [counts] = await rows<Record<string, string | null>>(em, sql`select * from get_wasender_sync_stats()`);
  return counts ?? {};
}
