import { Migration } from '@mikro-orm/migrations';

const current = "nullif(current_setting('patchbay.tenant', true), '')::uuid";

const security = (table: string): string => `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy tenant on ${table} to patchbay_app using (tenant_id = ${current}) with check (tenant_id = ${current});
create policy system on ${table} to patchbay_system using (true) with check (true);
create policy operator on ${table} for select to patchbay_operator using (true);
grant select, insert, update, delete on ${table} to patchbay_app, patchbay_system;
grant select on ${table} to patchbay_operator;`;

export class Privacy extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of ['ledger_keys', 'erasures', 'erased_subjects', 'webhook_subjects'])
      this.addSql(security(table));
    // Every tenant's digests are made with the installation's key: it may read it (sealed), never write it.
    this.addSql(`create policy installation on ledger_keys for select to patchbay_app
      using (tenant_id is null and ${current} is not null);`);
    this.addSql(indexes);
  }
}

const tables = `
alter table tenants
  add column time_zone text not null default 'UTC',
  add column contact_fields text[],
  add column contact_fields_owed boolean not null default false,
  add column contact_retention_days int;
alter table contacts add column missing_since timestamptz;
create table ledger_keys (
  id uuid primary key,
  tenant_id uuid references tenants on delete cascade,
  value text not null,
  created_at timestamptz not null
);
create table erasures (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  state text not null,
  target text,
  from_ledger boolean not null default false,
  counts jsonb not null default '{}',
  requested_at timestamptz not null,
  erased_at timestamptz,
  lifted_at timestamptz
);
create table erased_subjects (
  digest text not null,
  tenant_id uuid not null references tenants on delete cascade,
  erasure_id uuid not null references erasures on delete cascade,
  erased_at timestamptz not null,
  primary key (tenant_id, digest)
);
create table webhook_subjects (
  event_id uuid not null references webhook_events on delete cascade,
  digest text not null,
  tenant_id uuid references tenants on delete cascade,
  primary key (event_id, digest)
);`;

const indexes = `
create unique index ledger_keys_installation on ledger_keys ((tenant_id is null)) where tenant_id is null;
create index ledger_keys_value_key on ledger_keys (substr(value, 4, 8)) where value like 'v1.%';
create index erasures_list on erasures (tenant_id, id);
create index erasures_running on erasures (requested_at) where state = 'running';
create index erasures_target_key on erasures (substr(target, 4, 8)) where target like 'v1.%';
create index erased_subjects_erasure on erased_subjects (erasure_id);
create index webhook_subjects_digest on webhook_subjects (digest);
create index tenants_contact_fields_owed on tenants (id) where contact_fields_owed;
create index contacts_missing on contacts (tenant_id, missing_since) where missing_since is not null;
create index contacts_raw on contacts (last_updated_from_wasender) where raw_wasender_data is not null;`;
