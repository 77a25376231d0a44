import { Migration } from '@mikro-orm/migrations';

const sealedColumns = {
  accounts: ['secret', 'raw_details'],
  connection_attempts: ['input', 'callback_token'],
  connection_steps: ['content', 'answer'],
  provider_credentials: ['settings', 'webhook_secrets'],
  webhook_events: ['body'],
  idempotency_keys: ['response'],
};

/** Finds the encryption keys in use by an index per sealed column, however many rows there are. */
export class UsedKeys extends Migration {
  override up(): void {
    for (const [table, columns] of Object.entries(sealedColumns))
      for (const column of columns)
        this.addSql(`create index ${table}_${column}_key on ${table} (substr(${column}, 4, 8))
          where ${column} like 'v1.%';`);
    // So that a process can name missing migrations.
    this.addSql('grant select on schema_migrations to patchbay_app, patchbay_system, patchbay_operator;');
  }
}
