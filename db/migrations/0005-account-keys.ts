import { Migration } from '@mikro-orm/migrations';

export class AccountKeys extends Migration {
  override up(): void {
    this.addSql('alter table accounts add column provider_keys text, add column webhook_secret_hash text;');
    this.addSql(`create index accounts_webhook_secret on accounts (credentials_id, webhook_secret_hash)
      where webhook_secret_hash is not null;`);
    this.addSql(`create index accounts_provider_keys_key on accounts (substr(provider_keys, 4, 8))
      where provider_keys like 'v1.%';`);
  }
}
