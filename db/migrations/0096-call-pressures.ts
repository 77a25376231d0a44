import { Migration } from '@mikro-orm/migrations';
import { installationRows, rowSecurity } from './row-security.ts';

/** Limits of providers that are nearly full: calls slow down before they are refused. */
export class CallPressures extends Migration {
  override up(): void {
    this.addSql(`
create table call_pressures (
  credentials_id uuid not null references provider_credentials on delete cascade,
  name text not null,
  tenant_id uuid,
  percent float8 not null,
  until timestamptz not null,
  next_at timestamptz not null,
  primary key (credentials_id, name)
) with (fillfactor = 50);`);
    this.addSql(rowSecurity('call_pressures') + installationRows('call_pressures'));
  }
}
