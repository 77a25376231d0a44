import { Migration } from '@mikro-orm/migrations';

/** The partition of a day that has begun is made while no row is on its way: a clock that jumps leads to such days. */
export class PartitionLocks extends Migration {
  override up(): void {
    this.addSql(ensurePartitions);
  }
}

const ensurePartitions = `
create or replace function ensure_partitions(parents text[], from_time timestamptz, days int) returns int
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
      -- Rows of this day may be on their way to the default partition, where they would be refused once the day has its own.
      if n = 0 then
        execute format('lock table only %I in access exclusive mode', parent);
      end if;
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
end $$;`;
