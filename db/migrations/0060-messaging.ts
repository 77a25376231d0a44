import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

export class Messaging extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of names) this.addSql(rowSecurity(table));
    this.addSql(indexes);
    this.addSql(cascade);
  }
}

const names = [
  'conversations',
  'attendees',
  'conversation_attendees',
  'messages',
  'message_receipts',
  'attachments',
  'provider_keys',
  'message_effects',
];

const tables = `
create table conversations (
  id uuid primary key,
  tenant_id uuid not null,
  account_id uuid not null,
  provider_conversation_id text not null,
  kind text not null,
  name text,
  last_message_id uuid,
  last_message_at timestamptz,
  unread_count int not null,
  read_up_to timestamptz,
  marked_unread boolean not null,
  muted boolean not null,
  muted_until timestamptz,
  archived boolean not null,
  pinned boolean not null,
  read_only boolean not null,
  labels text[] not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create table attendees (
  id uuid primary key,
  tenant_id uuid not null,
  account_id uuid not null,
  provider_attendee_id text not null,
  name text,
  named_at timestamptz,
  phone_number text,
  is_self boolean not null,
  picture_url text,
  merged_into uuid references attendees on delete cascade,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create table conversation_attendees (
  conversation_id uuid not null references conversations on delete cascade,
  attendee_id uuid not null references attendees on delete cascade,
  tenant_id uuid not null,
  primary key (conversation_id, attendee_id)
);
create table messages (
  id uuid primary key,
  tenant_id uuid not null,
  account_id uuid not null,
  conversation_id uuid not null references conversations on delete cascade,
  provider_message_id text,
  sort_key text not null,
  direction text,
  sender_id uuid,
  text text,
  versions jsonb not null,
  status text not null,
  sent_at timestamptz not null,
  sent_at_known boolean not null,
  edited_at timestamptz,
  deleted_at timestamptz,
  deletion_confirmed boolean not null,
  told_by text not null,
  is_live boolean not null,
  event text,
  quoted_key text,
  reactions jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create table message_receipts (
  message_id uuid not null references messages on delete cascade,
  attendee_id uuid not null,
  tenant_id uuid not null,
  status text not null,
  at timestamptz not null,
  primary key (message_id, attendee_id)
);
create table attachments (
  id uuid primary key,
  tenant_id uuid not null,
  account_id uuid not null,
  message_id uuid not null references messages on delete cascade,
  key text not null,
  kind text not null,
  mime_type text,
  file_name text,
  size bigint,
  width int,
  height int,
  duration_ms int,
  is_voice boolean not null,
  unavailable boolean not null,
  source text,
  created_at timestamptz not null,
  constraint attachments_of_message unique (message_id, key)
);
create table provider_keys (
  account_id uuid not null,
  kind text not null,
  key text not null,
  tenant_id uuid not null,
  target_id uuid,
  created_at timestamptz not null,
  primary key (account_id, kind, key)
);
create table message_effects (
  account_id uuid not null,
  key text not null,
  digest text not null,
  tenant_id uuid not null,
  effect jsonb not null,
  created_at timestamptz not null,
  primary key (account_id, key, digest)
);
`;

const indexes = `
create index conversations_list on conversations (tenant_id, pinned desc, last_message_at desc nulls last, id desc);
create index conversations_account on conversations (account_id, pinned desc, last_message_at desc nulls last, id desc);
create index attendees_account on attendees (account_id, id);
create index attendees_list on attendees (tenant_id, id);
create index attendees_merged on attendees (merged_into) where merged_into is not null;
create index conversation_attendees_attendee on conversation_attendees (attendee_id);
create index messages_thread on messages (conversation_id, sent_at desc, sort_key desc);
create index messages_unread on messages (conversation_id, sent_at)
  where direction = 'in' and is_live and deleted_at is null and event is null;
create index messages_account on messages (account_id, sent_at desc);
create index messages_sender on messages (sender_id) where sender_id is not null;
create index message_receipts_attendee on message_receipts (attendee_id);
create index attachments_account on attachments (account_id);
create index provider_keys_target on provider_keys (target_id) where target_id is not null;
create index message_effects_age on message_effects (created_at);
`;

/**
 * A trigger costs at deletion alone. A reference would lock the account's row for each message, and wait for whatever holds
 * that.
 */
const cascade = `
create function delete_account_messages() returns trigger language plpgsql as $$
begin
  delete from conversations c using gone where c.account_id = gone.id;
  delete from attendees a using gone where a.account_id = gone.id;
  delete from provider_keys k using gone where k.account_id = gone.id;
  delete from message_effects e using gone where e.account_id = gone.id;
  return null;
end $$;
create function delete_provider_keys() returns trigger language plpgsql as $$
begin
  delete from provider_keys k using gone where k.target_id = gone.id;
  return null;
end $$;
create trigger conversations_keys after delete on conversations referencing old table as gone
  for each statement execute function delete_provider_keys();
create trigger attendees_keys after delete on attendees referencing old table as gone
  for each statement execute function delete_provider_keys();
create trigger messages_keys after delete on messages referencing old table as gone
  for each statement execute function delete_provider_keys();
create trigger accounts_messages after delete on accounts referencing old table as gone
  for each statement execute function delete_account_messages();
`;
