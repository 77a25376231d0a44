import { Migration } from '@mikro-orm/migrations';

const ofAccounts = {
  // Deleting an account checks what refers to it, and purging it deletes its steps.
  accounts_merged: 'accounts (merged_into) where merged_into is not null',
  accounts_credentials: 'accounts (credentials_id)',
  connection_steps_account: 'connection_steps (account_id)',
  // Filters of lists.
  accounts_owner: 'accounts (tenant_id, owner, id)',
  accounts_state: 'accounts (tenant_id, state, id)',
  accounts_channel: 'accounts (tenant_id, channel, id)',
};

/** Of partitioned tables, which take no index concurrently. */
const ofEvents = {
  webhook_events_failed: "webhook_events (tenant_id, id) where state = 'failed'",
  webhook_events_type: 'webhook_events (tenant_id, type, id)',
  // By account: those of an account that is held must not stand before the ones of others.
  webhook_events_received: "webhook_events (account_id) where state = 'received'",
  webhook_events_owes_signal: 'webhook_events (account_id) where owes_signal',
};

/** No statement reads all accounts or all events: each of these had no index of its own. */
export class Plans extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    for (const [name, on] of Object.entries(ofAccounts)) {
      this.addSql(`drop index concurrently if exists ${name};`);
      this.addSql(`create index concurrently ${name} on ${on};`);
    }
    for (const [name, on] of Object.entries(ofEvents)) this.addSql(`create index if not exists ${name} on ${on};`);
    this.addSql('drop index if exists webhook_events_owed;');
    // A BRIN index knows nothing of the newest rows until a vacuum: each look for old keys read them all.
    this.addSql('drop index if exists webhook_dedupe_received;');
    this.addSql('create index webhook_dedupe_received on webhook_dedupe (received_at);');
  }
}
