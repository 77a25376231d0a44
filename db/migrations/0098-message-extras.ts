import { Migration } from '@mikro-orm/migrations';

/**
 * What is known of messages beside what they say, what sends have beside a text, and times of conversations: until when
 * what was sent has been delivered and read, and when the person last acted. People whose messages come without a name are
 * looked up.
 */
export class MessageExtras extends Migration {
  override up(): void {
    this.addSql(`alter table messages add column extras jsonb;`);
    this.addSql(`alter table message_sends add column options jsonb;`);
    this.addSql(`alter table conversations add column last_action_at timestamptz, add column delivered_up_to timestamptz,
      add column seen_up_to timestamptz;`);
    this.addSql(`alter table attendees add column profile_due boolean not null default false;`);
    for (const [table, column] of [
      ['messages', 'extras'],
      ['conversations', 'last_action_at'],
    ])
      this.addSql(`create trigger ${table}_changed_more before update on ${table}
        for each row when (new.${column} is distinct from old.${column}) execute function set_changed_at();`);
  }
}
