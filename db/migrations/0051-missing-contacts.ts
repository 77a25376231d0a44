import { Migration } from '@mikro-orm/migrations';

/** Operators see which contacts left the address book; new columns of a view come last. */
export class MissingContacts extends Migration {
  override up(): void {
    this.addSql(`
create or replace view contacts_enriched with (security_invoker = true) as
select c.id, c.tenant_id, c.account_id, a.owner, a.channel, c.phone_number, c.name, c.verified_name, c.company,
  c.profile_image_url, c.whatsapp_status, c.is_business_account, c.wasender_jid, c.wasender_sync_status,
  c.wasender_sync_status = 'synced' as is_wasender_synced, c.last_updated_from_wasender,
  coalesce(c.verified_name, c.name, 'Contact from ' || c.company, c.phone_number, 'Unknown contact') as display_name,
  c.groups, c.created_at, c.updated_at, c.missing_since
from contacts c join accounts a on a.id = c.account_id
where c.merged_into is null;`);
  }
}
