import { Migration } from '@mikro-orm/migrations';

/** What is due of one tenant's accounts, which of them are silent, and what of one account is being counted. */
export class DueOfTenants extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    for (const [name, index] of Object.entries(indexes)) {
      this.addSql(`drop index concurrently if exists ${name};`);
      this.addSql(`create index concurrently ${name} on ${index};`);
    }
  }
}

const indexes = {
  accounts_tenant_contacts_due: 'accounts (tenant_id, contacts_due_at) where contacts_due_at is not null',
  accounts_tenant_keys_due: 'accounts (tenant_id, keys_due_at) where keys_due_at is not null',
  account_visits_tenant_due: 'account_visits (tenant_id, due_at) where due_at is not null',
  analytics_marks_counting: 'analytics_marks (account_id) where claim is not null',
  account_visits_silent: 'account_visits (tenant_id, silent_since) where silent_since is not null',
};
