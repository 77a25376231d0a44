import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** The feed of what changed, and the partitions of days for every table that has them. */
export class Events extends Migration {
  override up(): void {
    this.addSql(tables);
    this.addSql(rowSecurity('events'));
    this.addSql(rowSecurity('event_floors'));
    this.addSql('grant usage on sequence events_seq to patchbay_app, patchbay_system;');
    this.addSql(functions);
    this.addSql(partitions);
    this.addSql("select ensure_partitions(array['events'], now(), 3);");
    this.addSql(deletion);
  }
}

// No foreign keys: each insert would lock the account or the tenant. The key serves readers, which read by tenant.
const tables = `
create sequence events_seq as bigint;
create table events (
  tenant_id uuid not null,
  stamp bigint not null,
  seq bigint not null,
  account_id uuid not null,
  type text not null,
  data jsonb not null,
  at timestamptz not null,
  primary key (tenant_id, stamp, seq, at)
) partition by range (at);
create table events_default partition of events default;
create table event_floors (
  tenant_id uuid primary key references tenants on delete cascade,
  stamp bigint not null,
  seq bigint not null
);`;

// Both must be evaluated by a statement that began after the writer had its locks: see "The feed" in docs/how-it-works.md.
const functions = `
create function event_stamp() returns bigint language sql stable as $$
  select greatest(pg_current_xact_id()::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)
$$;
create function event_time() returns timestamptz language sql stable as $$
  select coalesce(nullif(current_setting('patchbay.now', true), '')::timestamptz, now())
$$;`;

// Only the owner may make and drop tables: processes do it through these. A day's partition is filled before it is
// attached, so that writers are never locked out of the parent, and of the default partition only briefly.
const partitions = `
create function partitioned_by(parent text) returns text
language plpgsql stable set search_path = public, pg_temp as $$
declare
  found text;
begin
  select a.attname into found from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
  where c.relnamespace = 'public'::regnamespace and c.relname = parent;
  if found is null then raise 'no table with partitions: %', parent; end if;
  return found;
end $$;
create function ensure_partitions(parents text[], from_time timestamptz, days int) returns int
language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' set lock_timeout = '2s' as $$
declare
  parent text;
  part text;
  day_column text;
  first_day date := from_time::date;
  day date;
  made int := 0;
begin
  for n in 0..days loop
    day := first_day + n;
    foreach parent in array parents loop
      day_column := partitioned_by(parent);
      part := parent || '_' || to_char(day, 'YYYYMMDD');
      continue when exists (select from pg_class where relname = part and relnamespace = 'public'::regnamespace);
      -- Of two processes one makes it. A query sees what the other one has made; a look into the catalog's cache may not.
      perform pg_advisory_xact_lock(7265235);
      continue when exists (select from pg_class where relname = part and relnamespace = 'public'::regnamespace);
      execute format('create table %I (like %I including defaults including constraints)', part, parent);
      execute format('lock table %I in access exclusive mode', parent || '_default');
      execute format('with moved as (delete from %I where %I >= %L and %I < %L returning *)
        insert into %I select * from moved', parent || '_default', day_column,
        day::timestamptz, day_column, (day + 1)::timestamptz, part);
      execute format('alter table %I attach partition %I for values from (%L) to (%L)',
        parent, part, day::timestamptz, (day + 1)::timestamptz);
      made := made + 1;
    end loop;
  end loop;
  return made;
end $$;
create function drop_partitions(parent text, before timestamptz) returns int
language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' set lock_timeout = '2s' as $$
declare
  day_column text := partitioned_by(parent);
  part text;
  dropped int := 0;
begin
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = parent::regclass and c.relname ~ '_[0-9]{8}$'
      and to_date(right(c.relname, 8), 'YYYYMMDD') + 1 <= before order by c.relname
  loop
    execute format('drop table %I', part);
    dropped := dropped + 1;
  end loop;
  execute format('delete from %I where %I < %L', parent || '_default', day_column, before);
  return dropped;
end $$;
revoke execute on function ensure_partitions, drop_partitions from public;
grant execute on function ensure_partitions, drop_partitions to patchbay_system;
drop function ensure_webhook_partitions, drop_webhook_partitions;`;

const deletion = `
create function delete_tenant_events() returns trigger language plpgsql as $$
begin
  delete from events e using gone where e.tenant_id = gone.id;
  return null;
end $$;
create trigger tenants_events after delete on tenants referencing old table as gone
  for each statement execute function delete_tenant_events();`;
