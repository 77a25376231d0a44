import { Migration } from '@mikro-orm/migrations';

/** As a sub-select it is evaluated once per statement, not once per row. */
const current = "(select nullif(current_setting('patchbay.tenant', true), '')::uuid)";

const security = (table: string): string => `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy tenant on ${table} to patchbay_app using (tenant_id = ${current}) with check (tenant_id = ${current});
create policy system on ${table} to patchbay_system using (true) with check (true);
create policy operator on ${table} for select to patchbay_operator using (true);
grant select, insert, update, delete on ${table} to patchbay_app, patchbay_system;
grant select on ${table} to patchbay_operator;`;

export class Contacts extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of ['contacts', 'contact_aliases', 'sync_pages']) this.addSql(security(table));
    this.addSql(indexes);
    this.addSql(cascade);
    this.addSql(forOperators);
  }
}

/** A reference is checked for every row of every page: only those that no other one implies. */
const tables = `
create table contacts (
  id uuid primary key,
  tenant_id uuid not null,
  account_id uuid not null references accounts on delete cascade,
  phone_number text,
  saved_name text,
  push_name text,
  name text,
  verified_name text,
  company text,
  profile_image_url text,
  picture_at timestamptz,
  lid_asked_at timestamptz,
  whatsapp_status text,
  is_business_account boolean not null,
  wasender_jid text,
  wasender_sync_status text not null,
  last_updated_from_wasender timestamptz,
  raw_wasender_data text,
  provenance jsonb not null default '{}',
  edits jsonb not null default '{}',
  groups text[] not null default '{}',
  merged_into uuid references contacts on delete cascade,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create table contact_aliases (
  account_id uuid not null,
  kind text not null,
  value text not null,
  tenant_id uuid not null,
  contact_id uuid not null,
  content_hash text,
  primary key (account_id, kind, value)
);
create table sync_pages (
  run_id uuid not null references sync_runs on delete cascade,
  number int not null,
  tenant_id uuid not null references tenants on delete cascade,
  seen bytea not null,
  primary key (run_id, number)
);
alter table sync_runs
  add column scope text not null default '',
  add column target text,
  add column cursor text,
  add column part real not null default 0,
  add column lease text,
  add column lease_until timestamptz;
alter table accounts
  add column contacts_due_at timestamptz,
  add column pictures_due_at timestamptz,
  add column picture_calls jsonb;
`;

const indexes = `
drop index sync_runs_running;
create unique index sync_runs_running on sync_runs (account_id, kind, scope) where state = 'running' and not dry_run;
create index sync_runs_target_key on sync_runs (substr(target, 4, 8)) where target like 'v1.%';
create index sync_runs_list on sync_runs (tenant_id, id);
create index contacts_list on contacts (tenant_id, id) where merged_into is null;
create index contacts_account on contacts (account_id, id) where merged_into is null;
create index contacts_pictures on contacts (account_id, id) where merged_into is null and picture_at is null;
create index contacts_merged on contacts (merged_into) where merged_into is not null;
create index contacts_raw_wasender_data_key on contacts (substr(raw_wasender_data, 4, 8))
  where raw_wasender_data like 'v1.%';
create index contact_aliases_contact on contact_aliases (contact_id);
create index accounts_contacts_due on accounts (contacts_due_at) where contacts_due_at is not null;
create index accounts_without_contacts on accounts (id) where contacts_due_at is null and state = 'active';
create index accounts_pictures_due on accounts (pictures_due_at) where pictures_due_at is not null;
`;

/** A trigger costs at deletion alone; a reference would be checked for each row of a page. */
const cascade = `
create function delete_contact_aliases() returns trigger language plpgsql as $$
begin
  delete from contact_aliases a using gone where a.contact_id = gone.id;
  return null;
end $$;
create trigger contacts_aliases after delete on contacts referencing old table as gone
  for each statement execute function delete_contact_aliases();
`;

/** For operators by hand; both see what the calling role sees. */
const forOperators = `
create view contacts_enriched with (security_invoker = true) as
select c.id, c.tenant_id, c.account_id, a.owner, a.channel, c.phone_number, c.name, c.verified_name, c.company,
  c.profile_image_url, c.whatsapp_status, c.is_business_account, c.wasender_jid, c.wasender_sync_status,
  c.wasender_sync_status = 'synced' as is_wasender_synced, c.last_updated_from_wasender,
  coalesce(c.verified_name, c.name, 'Contact from ' || c.company, c.phone_number, 'Unknown contact') as display_name,
  c.groups, c.created_at, c.updated_at
from contacts c join accounts a on a.id = c.account_id
where c.merged_into is null;
create function get_wasender_sync_stats() returns table (
  total_contacts bigint,
  synced_contacts bigint,
  not_synced_contacts bigint,
  contacts_with_names bigint,
  contacts_without_names bigint,
  contacts_with_pictures bigint,
  business_contacts bigint,
  last_sync timestamptz
) language sql stable as $$
  select count(*), count(*) filter (where wasender_sync_status = 'synced'),
    count(*) filter (where wasender_sync_status = 'not_synced'),
    count(*) filter (where coalesce(verified_name, name) is not null),
    count(*) filter (where coalesce(verified_name, name) is null),
    count(*) filter (where profile_image_url is not null), count(*) filter (where is_business_account),
    (select max(ended_at) from sync_runs where kind = 'contacts' and scope = '' and state = 'succeeded')
  from contacts where merged_into is null;
$$;
grant select on contacts_enriched to patchbay_app, patchbay_system, patchbay_operator;
`;
