import { Migration } from '@mikro-orm/migrations';

/** Accounts by label, as lists and bulk operations find them. */
export class AccountLabels extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql('drop index concurrently if exists accounts_label;');
    this.addSql('create index concurrently accounts_label on accounts (tenant_id, label, id) where label is not null;');
  }
}
