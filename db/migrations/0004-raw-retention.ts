import { Migration } from '@mikro-orm/migrations';

export class RawRetention extends Migration {
  override up(): void {
    this.addSql('alter table webhook_events alter column body drop not null;');
    this.addSql('create index webhook_events_raw on webhook_events (received_at) where body is not null;');
    this.addSql('create index accounts_raw on accounts (details_at) where raw_details is not null;');
  }
}
