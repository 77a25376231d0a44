import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** Members of a conversation leave it, and it matters when: an earlier message of theirs does not bring them back. */
export class Departures extends Migration {
  override up(): void {
    this.addSql('alter table conversation_attendees add column member_at timestamptz;');
    this.addSql(`
create table conversation_departures (
  conversation_id uuid not null references conversations on delete cascade,
  attendee_id uuid not null references attendees on delete cascade,
  tenant_id uuid not null,
  left_at timestamptz not null,
  primary key (conversation_id, attendee_id)
);`);
    this.addSql(rowSecurity('conversation_departures'));
    this.addSql('create index conversation_departures_attendee on conversation_departures (attendee_id);');
  }
}
