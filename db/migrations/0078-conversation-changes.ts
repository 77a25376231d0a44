import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** What callers changed of conversations, field by field, and whether the provider has it. */
export class ConversationChanges extends Migration {
  override up(): void {
    this.addSql(`
create table conversation_changes (
  conversation_id uuid not null references conversations on delete cascade,
  field text not null,
  tenant_id uuid not null,
  account_id uuid not null references accounts on delete cascade,
  state text not null,
  version int not null,
  provider_had jsonb,
  next_try_at timestamptz not null,
  unsure_until timestamptz,
  tries int not null,
  tried_since timestamptz,
  reason text,
  detail text,
  requested_at timestamptz not null,
  synced_at timestamptz,
  primary key (conversation_id, field)
);`);
    this.addSql(rowSecurity('conversation_changes'));
    this.addSql(`
create index conversation_changes_account on conversation_changes (account_id);
create index conversation_changes_open on conversation_changes (account_id, next_try_at) where state = 'pending';
create index conversation_changes_due on conversation_changes (next_try_at) where state = 'pending';`);
  }
}
