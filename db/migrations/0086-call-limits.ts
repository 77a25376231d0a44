import { Migration } from '@mikro-orm/migrations';
import { installationRows, rowSecurity } from './row-security.ts';

/** How many calls credentials may make in a minute, and what is left of them. */
export class CallLimits extends Migration {
  override up(): void {
    this.addSql('alter table provider_credentials add column calls_per_minute int;');
    this.addSql(`
create table call_buckets (
  credentials_id uuid primary key references provider_credentials on delete cascade,
  tenant_id uuid,
  calls float8 not null,
  at timestamptz not null
) with (fillfactor = 50);`);
    this.addSql(rowSecurity('call_buckets') + installationRows('call_buckets'));
  }
}
