import { Migration } from '@mikro-orm/migrations';

/** No statement reads all accounts or all events: each of these had no index of its own. */
export class Plans extends Migration {
  override up(): void {
    this.addSql(`
-- Deleting an account checks what refers to it, and purging it deletes its steps.
create index accounts_merged on accounts (merged_into) where merged_into is not null;
create index accounts_credentials on accounts (credentials_id);
create index connection_steps_account on connection_steps (account_id);
-- Filters of lists.
create index accounts_owner on accounts (tenant_id, owner, id);
create index accounts_state on accounts (tenant_id, state, id);
create index accounts_channel on accounts (tenant_id, channel, id);
create index webhook_events_failed on webhook_events (tenant_id, id) where state = 'failed';
create index webhook_events_type on webhook_events (tenant_id, type, id);
-- By account: those of an account that is held must not stand before the ones of others.
create index webhook_events_received on webhook_events (account_id) where state = 'received';
create index webhook_events_owes_signal on webhook_events (account_id) where owes_signal;
drop index webhook_events_owed;
-- A BRIN index knows nothing of the newest rows until a vacuum: each look for old keys read them all.
drop index webhook_dedupe_received;
create index webhook_dedupe_received on webhook_dedupe (received_at);`);
  }
}
