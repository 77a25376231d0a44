import { Migration } from '@mikro-orm/migrations';

/** What webhook events owe to contacts, by account. A partitioned table takes no index concurrently. */
export class ContactEvents extends Migration {
  override up(): void {
    this.addSql(`create index webhook_events_owed_contacts on webhook_events (account_id, received_at)
      where state = 'received' and kind = 'contact';`);
  }
}
