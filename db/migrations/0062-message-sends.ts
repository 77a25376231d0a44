import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/**
 * Messages on their way to a provider, the queue of each account, and the calls that count for its limits. Where two
 * conversations turn out to be one, the sends follow their messages.
 */
export class MessageSends extends Migration {
  override up(): void {
    this.addSql(`
create table message_sends (
  message_id uuid primary key references messages on delete cascade,
  tenant_id uuid not null,
  account_id uuid not null references accounts on delete cascade,
  conversation_id uuid not null references conversations on delete cascade,
  position int not null,
  state text not null,
  due_at timestamptz,
  next_try_at timestamptz not null,
  tries int not null,
  looks int not null,
  sent_mark_at timestamptz,
  call_ended_at timestamptz,
  recipients jsonb not null,
  attachments jsonb not null,
  reason text,
  detail text,
  created_at timestamptz not null,
  ended_at timestamptz
);
create table send_queues (
  account_id uuid primary key references accounts on delete cascade,
  tenant_id uuid not null,
  lease text,
  lease_until timestamptz,
  sleeps boolean not null,
  wake_at timestamptz,
  holds_until timestamptz,
  holds_for text
);
create table send_calls (
  id uuid primary key,
  tenant_id uuid not null,
  account_id uuid not null references accounts on delete cascade,
  at timestamptz not null
);
alter table accounts add send_limits jsonb;`);
    for (const table of ['message_sends', 'send_queues', 'send_calls']) this.addSql(rowSecurity(table));
    this.addSql(`
create index message_sends_open on message_sends (account_id, next_try_at)
  where state in ('queued', 'sending', 'unclear');
create index message_sends_due on message_sends (next_try_at) where state in ('queued', 'sending', 'unclear');
create index message_sends_order on message_sends (conversation_id, position desc);
create index message_sends_account on message_sends (account_id);
create index send_calls_account on send_calls (account_id, at desc);

create function move_sends() returns trigger language plpgsql as $$
begin
  update message_sends set conversation_id = new.conversation_id where message_id = new.id;
  return null;
end $$;
create trigger move_sends after update of conversation_id on messages
  for each row when (new.conversation_id is distinct from old.conversation_id) execute function move_sends();`);
  }
}
