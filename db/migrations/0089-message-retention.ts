import { Migration } from '@mikro-orm/migrations';

/** How long a tenant keeps messages; null: without limit. */
export class MessageRetention extends Migration {
  override up(): void {
    this.addSql('alter table tenants add column message_retention_days int;');
  }
}
