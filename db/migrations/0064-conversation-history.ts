import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** How far the history of each conversation was read, and how far a tenant wants it read. */
export class ConversationHistory extends Migration {
  override up(): void {
    this.addSql('alter table tenants add column history_days int not null default 30;');
    this.addSql('alter table tenants add column history_messages int not null default 200;');
    this.addSql('alter table accounts add column history_again_at timestamptz;');
    this.addSql(`create index accounts_history_again on accounts (history_again_at)
      where history_again_at is not null;`);
    this.addSql(`
create table conversation_history (
  account_id uuid not null,
  key text not null,
  tenant_id uuid not null,
  conversation_id uuid not null references conversations on delete cascade,
  provider_newest_at timestamptz,
  covered_from timestamptz,
  covered_to timestamptz,
  run_id uuid not null,
  is_read boolean not null,
  pass text,
  cursor text,
  pass_newest timestamptz,
  pass_oldest timestamptz,
  primary key (account_id, key)
);`);
    this.addSql(rowSecurity('conversation_history'));
    this.addSql('create index conversation_history_conversation on conversation_history (conversation_id);');
  }
}
