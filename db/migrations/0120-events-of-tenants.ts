import { Migration } from '@mikro-orm/migrations';

/** An event may be of the tenant, and of none of its accounts. */
export class EventsOfTenants extends Migration {
  override up(): void {
    this.addSql('alter table events alter column account_id drop not null;');
  }
}
