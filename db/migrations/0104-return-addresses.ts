import { Migration } from '@mikro-orm/migrations';

/** Where owners' browsers may be sent after a login; null: anywhere. */
export class ReturnAddresses extends Migration {
  override up(): void {
    this.addSql('alter table tenants add column return_addresses text[];');
  }
}
