import { Migration } from '@mikro-orm/migrations';
import { installationRows, rowSecurity } from './row-security.ts';

// Master keys that sealed values get a row without a key; a process that has the master key completes it at its start.
export class DataKeys extends Migration {
  override up(): void {
    this.addSql(table);
    this.addSql(rowSecurity('data_keys') + installationRows('data_keys'));
    // No policy applies to the owner.
    this.addSql('set local role patchbay_system;');
    this.addSql(formerKeys);
    this.addSql('reset role;');
  }
}

const table = `
create table data_keys (
  id text primary key,
  tenant_id uuid references tenants on delete cascade,
  version int not null,
  wrapped text,
  created_at timestamptz not null,
  constraint data_keys_version unique nulls not distinct (tenant_id, version)
);`;

// Reads one entry per key from the index of each sealed column.
const formerKeys = `
do $$
declare
  one record;
begin
  for one in
    select tablename, (regexp_match(indexdef, 'substr\\((\\w+), 4, 8\\)'))[1] as col from pg_indexes
    where schemaname = 'public' and indexdef like '%substr(%, 4, 8)%'
  loop
    execute format($sql$
      with recursive used(key) as (
        (select min(substr(%1$I, 4, 8)) from %2$I where %1$I like 'v1.%%')
        union all
        select (select min(substr(%1$I, 4, 8)) from %2$I where %1$I like 'v1.%%' and substr(%1$I, 4, 8) > used.key)
        from used where used.key is not null
      )
      insert into data_keys (id, tenant_id, version, wrapped, created_at)
      select key, null, (select least(min(version), 1) from data_keys) - row_number() over (), null, now()
      from used where key is not null
      on conflict (id) do nothing
    $sql$, one.col, one.tablename);
  end loop;
end $$;`;
