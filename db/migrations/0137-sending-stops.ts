import { Migration } from '@mikro-orm/migrations';
import { installationRows, rowSecurity } from './row-security.ts';

/** Why a tenant, or all of them, send nothing: several reasons at a time, each lifted by itself. */
export class SendingStops extends Migration {
  override up(): void {
    this.addSql(`
create table sending_stops (
  id uuid primary key,
  tenant_id uuid references tenants on delete cascade,
  reason text not null,
  since timestamptz not null,
  note text,
  constraint sending_stops_reason unique nulls not distinct (tenant_id, reason)
);`);
    this.addSql(rowSecurity('sending_stops'));
    this.addSql(installationRows('sending_stops'));
    // The owner passes no policy.
    this.addSql(`set local role patchbay_system;
insert into sending_stops (id, tenant_id, reason, since)
select gen_random_uuid(), id, 'restored', sending_paused_at from tenants where sending_paused_at is not null;
set local role none;`);
  }
}
