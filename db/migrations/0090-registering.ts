import { Migration } from '@mikro-orm/migrations';

/** Until when one process registers the webhooks of credentials, and others wait. */
export class Registering extends Migration {
  override up(): void {
    this.addSql('alter table provider_credentials add column registering_until timestamptz;');
  }
}
