import { Migration } from '@mikro-orm/migrations';

/**
 * Where a tenant's row was written: the server, the database and the table. A dump that is restored has the places of
 * before, so that a restore is noticed.
 */
export class Restores extends Migration {
  override up(): void {
    this.addSql(`
create function storage_place() returns text language sql as $$
  select concat_ws('/', (pg_control_system()).system_identifier, d.oid, to_regclass('public.tenants')::oid)
  from pg_database d where d.datname = current_database()
$$;
alter table tenants add column stored_in text;
update tenants set stored_in = storage_place();
alter table tenants alter column stored_in set default storage_place(), alter column stored_in set not null;
alter table tenants add column sending_paused_at timestamptz;`);
  }
}
