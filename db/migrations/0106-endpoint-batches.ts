import { Migration } from '@mikro-orm/migrations';

/** How many events an endpoint takes in one request. */
export class EndpointBatches extends Migration {
  override up(): void {
    this.addSql(
      'alter table webhook_endpoints add column events_per_request int not null default 1 check (events_per_request between 1 and 100);',
    );
  }
}
