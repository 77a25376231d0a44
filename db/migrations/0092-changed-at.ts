import { Migration } from '@mikro-orm/migrations';

/**
 * When a row last changed in what answers show of it. The time is taken after the transaction has its number: readers of
 * changes rely on that (`db/queries/updates/updated-rows.ts`). Rows that are here count as changed now.
 */
export class ChangedAt extends Migration {
  override up(): void {
    this.addSql(functions);
    for (const [table, columns] of Object.entries(shown)) {
      const row = (name: string): string => columns.map((column) => `${name}.${column}`).join(', ');
      // The first default is one value for all rows, which rewrites none.
      this.addSql(`alter table ${table} add column changed_at timestamptz not null default now();
        alter table ${table} alter column changed_at set default change_time();
        create trigger ${table}_changed before update on ${table}
          for each row when ((${row('new')}) is distinct from (${row('old')})) execute function set_changed_at();`);
    }
  }
}

const functions = `
create function change_time() returns timestamptz language sql volatile as $$
  select case when pg_current_xact_id() is not null then clock_timestamp() end
$$;
create function set_changed_at() returns trigger language plpgsql as $$
begin
  new.changed_at := change_time();
  return new;
end $$;`;

/** Columns that answers show, by table. */
const shown: Readonly<Record<string, readonly string[]>> = {
  accounts: [
    'owner',
    'label',
    'metadata',
    'method',
    'provider_account_id',
    'identity',
    'state',
    'reason',
    'who',
    'since',
    'connection_config',
    'provider_config',
    'details_at',
    'last_sync_at',
    'send_limits',
    'merged_into',
    'updated_at',
  ],
  contacts: [
    'account_id',
    'phone_number',
    'saved_name',
    'push_name',
    'name',
    'verified_name',
    'company',
    'profile_image_url',
    'whatsapp_status',
    'is_business_account',
    'wasender_jid',
    'wasender_sync_status',
    'last_updated_from_wasender',
    'missing_since',
    'groups',
    'merged_into',
    'updated_at',
  ],
  conversations: [
    'account_id',
    'provider_conversation_id',
    'kind',
    'name',
    'last_message_id',
    'last_message_at',
    'unread_count',
    'read_up_to',
    'marked_unread',
    'muted',
    'muted_until',
    'archived',
    'pinned',
    'read_only',
    'labels',
    'picture_source',
    'picture_media_id',
    'updated_at',
  ],
  messages: [
    'account_id',
    'conversation_id',
    'provider_message_id',
    'direction',
    'sender_id',
    'text',
    'versions',
    'status',
    'sent_at',
    'sent_at_known',
    'edited_at',
    'deleted_at',
    'event',
    'quoted_key',
    'reactions',
    'updated_at',
  ],
};
