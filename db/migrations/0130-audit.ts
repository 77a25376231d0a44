import { Migration } from '@mikro-orm/migrations';

/**
 * Who did what. The processes' roles may add entries and read them; only the owner may change or remove any. Whole days go
 * by `drop_partitions`, which keeps the last 30 days whatever it is asked.
 */
export class Audit extends Migration {
  override up(): void {
    this.addSql(table);
    this.addSql(security);
    this.addSql(dropPartitions);
    this.addSql("select ensure_partitions(array['audit_entries'], now(), 3);");
  }
}

// No foreign keys: an entry outlives the key, the account and the tenant that it names, and locks none of them.
const table = `
create table audit_entries (
  id uuid not null,
  tenant_id uuid,
  at timestamptz not null default date_trunc('milliseconds', event_time()),
  kind text not null,
  via text not null,
  actor text not null,
  action text not null,
  target text,
  operation uuid,
  address text,
  request_id uuid,
  outcome text not null,
  code text,
  details jsonb not null
) partition by range (at);
create table audit_entries_default partition of audit_entries default;
create index audit_entries_default_age on audit_entries_default (at);
create index audit_entries_list on audit_entries (tenant_id, at, id);
create index audit_entries_target on audit_entries (target, at, id) where target is not null;
create index audit_entries_operation on audit_entries (operation) where operation is not null;`;

const current = "(select nullif(current_setting('patchbay.tenant', true), '')::uuid)";
const security = `
alter table audit_entries enable row level security;
alter table audit_entries force row level security;
create policy tenant on audit_entries for select to patchbay_app using (tenant_id = ${current});
create policy tenant_adds on audit_entries for insert to patchbay_app with check (tenant_id = ${current});
create policy system_reads on audit_entries for select to patchbay_system using (true);
create policy system_adds on audit_entries for insert to patchbay_system with check (true);
create policy operator on audit_entries for select to patchbay_operator using (true);
grant select, insert on audit_entries to patchbay_app, patchbay_system;
grant select on audit_entries to patchbay_operator;`;

const dropPartitions = `
create or replace function drop_partitions(parent text, before timestamptz) returns int
language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' set lock_timeout = '2s' as $$
declare
  day_column text := partitioned_by(parent);
  part text;
  dropped int := 0;
begin
  -- PostgreSQL's own time: a caller may set every other one.
  if parent = 'audit_entries' then before := least(before, now() - interval '30 days'); end if;
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
end $$;`;
