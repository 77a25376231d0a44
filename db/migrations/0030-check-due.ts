import { Migration } from '@mikro-orm/migrations';

/** When each connected account is checked next; those that are connected now are spread over a day. */
export class CheckDue extends Migration {
  override up(): void {
    this.addSql('alter table accounts add column check_due_at timestamptz;');
    // The owner passes no policy.
    this.addSql('set local role patchbay_system;');
    this.addSql(`update accounts set check_due_at = now() + random() * interval '1 day'
      where state in ('active', 'degraded', 'reconnect_required') and merged_into is null;`);
    this.addSql('reset role;');
    this.addSql(`create index accounts_check_due on accounts (check_due_at)
      where check_due_at is not null and check_requested_at is null;`);
  }
}
