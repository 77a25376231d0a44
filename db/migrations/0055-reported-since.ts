import { Migration } from '@mikro-orm/migrations';

/** Whether a provider reported something of an account after it was last asked. */
export class ReportedSince extends Migration {
  override up(): void {
    this.addSql('alter table accounts add column reported_since boolean not null default false;');
  }
}
