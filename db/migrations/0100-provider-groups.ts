import { Migration } from '@mikro-orm/migrations';

/** Names that an account shares with others of the same upstream owner. */
export class ProviderGroups extends Migration {
  override up(): void {
    this.addSql("alter table accounts add column provider_groups text[] not null default '{}';");
  }
}
