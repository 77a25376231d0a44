import { Migration } from '@mikro-orm/migrations';

/** An upstream id is looked up across credentials: two may be of one workspace at the provider. */
export class KnownLogins extends Migration {
  override up(): void {
    this.addSql(`create index accounts_provider_account on accounts (provider_account_id)
  where provider_account_id is not null;
create index connection_attempts_provider_account on connection_attempts (provider_account_id)
  where provider_account_id is not null;`);
  }
}
