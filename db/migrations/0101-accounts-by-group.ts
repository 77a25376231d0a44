import { Migration } from '@mikro-orm/migrations';

/** Accounts by group: most accounts have none. */
export class AccountsByGroup extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql('drop index concurrently if exists accounts_groups;');
    this.addSql(`create index concurrently accounts_groups on accounts using gin (provider_groups)
      where provider_groups <> '{}';`);
  }
}
