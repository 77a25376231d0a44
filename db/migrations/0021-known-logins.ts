import { Migration } from '@mikro-orm/migrations';

/**
 * An upstream id is looked up across credentials: two may be of one workspace at the provider. Concurrently, which works
 * outside of a transaction only; a killed run leaves an invalid index.
 */
export class KnownLogins extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    for (const table of ['accounts', 'connection_attempts']) {
      const index = `${table}_provider_account`;
      this.addSql(`drop index concurrently if exists ${index};`);
      this.addSql(`create index concurrently ${index} on ${table} (provider_account_id)
        where provider_account_id is not null;`);
    }
  }
}
