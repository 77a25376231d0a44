import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

// The old tables are renamed, which changes the catalog alone; the next migration moves their rows.
export class WebhookRequests extends Migration {
  override up(): void {
    // First and in the strongest mode: a lock that is raised later waits for writers that wait for it.
    this.addSql('lock table webhook_events, webhook_subjects, accounts in access exclusive mode;');
    this.addSql('lock table provider_credentials, tenants in share row exclusive mode;');
    this.addSql(renameOld);
    this.addSql(tables);
    this.addSql(indexes);
    for (const table of ['webhook_requests', 'webhook_events', 'webhook_subjects', 'webhook_dedupe'])
      this.addSql(rowSecurity(table));
    this.addSql(rowSecurity('webhook_secret_hashes'));
    this.addSql(partitions);
    this.addSql('select ensure_webhook_partitions(now(), 3);');
    this.addSql(deletions);
    // The hashes are keyed now: each process writes missing ones at its start. Adding an empty column is instant.
    this.addSql(`alter table accounts drop column webhook_secret_hash, add column webhook_secret_hash text;
create index accounts_webhook_secret on accounts (credentials_id, webhook_secret_hash)
  where webhook_secret_hash is not null;`);
  }
}

// Names of indexes are unique within the schema.
const renameOld = `
alter table webhook_events rename to webhook_events_old;
alter table webhook_subjects rename to webhook_subjects_old;
do $$ declare found record; begin
  for found in select indexname from pg_indexes
    where schemaname = 'public' and tablename in ('webhook_events_old', 'webhook_subjects_old') loop
    execute format('alter index %I rename to %I', found.indexname, 'old_' || found.indexname);
  end loop;
end $$;`;

// No foreign keys: each insert would lock the account, credentials or tenant, and wait for its writers. Triggers
// delete.
const tables = `
create table webhook_requests (
  id uuid not null,
  tenant_id uuid,
  credentials_id uuid not null,
  provider text not null,
  state text not null,
  error text,
  body text,
  headers jsonb not null,
  received_at timestamptz not null,
  primary key (id, received_at)
) partition by range (received_at);
create table webhook_requests_default partition of webhook_requests default;
create table webhook_events (
  id uuid not null,
  request_id uuid not null,
  position int not null,
  tenant_id uuid,
  credentials_id uuid not null,
  provider text not null,
  account_id uuid,
  provider_account_id text,
  kind text not null,
  type text not null,
  dedupe_key text not null,
  state text not null,
  error text,
  deliveries int not null,
  owes_signal boolean not null,
  received_at timestamptz not null,
  processed_at timestamptz,
  primary key (id, received_at)
) partition by range (received_at);
create table webhook_events_default partition of webhook_events default;
create table webhook_subjects (
  request_id uuid not null,
  digest text not null,
  tenant_id uuid,
  received_at timestamptz not null,
  primary key (request_id, digest, received_at)
) partition by range (received_at);
create table webhook_subjects_default partition of webhook_subjects default;
create table webhook_dedupe (
  credentials_id uuid not null,
  key text not null,
  tenant_id uuid,
  event_id uuid not null,
  received_at timestamptz not null,
  primary key (credentials_id, key)
);
create table webhook_secret_hashes (
  credentials_id uuid not null references provider_credentials on delete cascade,
  hash text not null,
  tenant_id uuid references tenants on delete cascade,
  primary key (credentials_id, hash)
);`;

const indexes = `
create index webhook_events_request on webhook_events (request_id);
create index webhook_events_list on webhook_events (tenant_id, id);
create index webhook_events_account on webhook_events (account_id, id) where account_id is not null;
create index webhook_events_unmatched on webhook_events (credentials_id, provider_account_id) where state = 'unmatched';
create index webhook_events_owed on webhook_events (received_at) where owes_signal or state = 'received';
create index webhook_subjects_digest on webhook_subjects (digest);
-- Keys go in the order in which they came.
create index webhook_dedupe_received on webhook_dedupe using brin (received_at);
create index webhook_secret_hashes_hash on webhook_secret_hashes (hash);`;

// Only the owner may make and drop tables: processes do it through these. A day's partition is filled before it is
// attached, so that writers are never locked out of the parent, and of the default partition only briefly.
const partitions = `
create function ensure_webhook_partitions(from_time timestamptz, days int) returns int
language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' set lock_timeout = '2s' as $$
declare
  parent text;
  part text;
  first_day date := from_time::date;
  day date;
  made int := 0;
begin
  for n in 0..days loop
    day := first_day + n;
    foreach parent in array array['webhook_requests', 'webhook_events', 'webhook_subjects'] loop
      part := parent || '_' || to_char(day, 'YYYYMMDD');
      continue when exists (select from pg_class where relname = part and relnamespace = 'public'::regnamespace);
      -- Of two processes one makes it. A query sees what the other one has made; a look into the catalog's cache may not.
      perform pg_advisory_xact_lock(7265235);
      continue when exists (select from pg_class where relname = part and relnamespace = 'public'::regnamespace);
      execute format('create table %I (like %I including defaults including constraints)', part, parent);
      execute format('lock table %I in access exclusive mode', parent || '_default');
      execute format('with moved as (delete from %I where received_at >= %L and received_at < %L returning *)
        insert into %I select * from moved', parent || '_default', day::timestamptz, (day + 1)::timestamptz, part);
      execute format('alter table %I attach partition %I for values from (%L) to (%L)',
        parent, part, day::timestamptz, (day + 1)::timestamptz);
      made := made + 1;
    end loop;
  end loop;
  return made;
end $$;
create function drop_webhook_partitions(parent text, before timestamptz) returns int
language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' set lock_timeout = '2s' as $$
declare
  part text;
  dropped int := 0;
begin
  if parent not in ('webhook_requests', 'webhook_events', 'webhook_subjects') then
    raise 'no table of webhooks: %', parent;
  end if;
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = parent::regclass and c.relname ~ '_[0-9]{8}$'
      and to_date(right(c.relname, 8), 'YYYYMMDD') + 1 <= before order by c.relname
  loop
    execute format('drop table %I', part);
    dropped := dropped + 1;
  end loop;
  execute format('delete from %I where received_at < %L', parent || '_default', before);
  return dropped;
end $$;
revoke execute on function ensure_webhook_partitions, drop_webhook_partitions from public;
grant execute on function ensure_webhook_partitions, drop_webhook_partitions to patchbay_system;`;

const deletions = `
create function delete_webhooks_of_accounts(gone uuid[]) returns void language sql set search_path = public, pg_temp as $$
  with events as (
    delete from webhook_events where account_id = any(gone) returning request_id, received_at, account_id),
  requests as (
    select distinct e.request_id, e.received_at from events e where not exists (
      select from webhook_events o where o.request_id = e.request_id and o.received_at = e.received_at
        and (o.account_id is null or o.account_id <> all(gone)))),
  subjects as (
    delete from webhook_subjects s using requests r where s.request_id = r.request_id and s.received_at = r.received_at)
  delete from webhook_requests q using requests r where q.id = r.request_id and q.received_at = r.received_at;
$$;
create function delete_account_webhooks() returns trigger language plpgsql as $$
begin
  perform delete_webhooks_of_accounts(array(select id from gone));
  return null;
end $$;
create trigger accounts_webhooks after delete on accounts referencing old table as gone
  for each statement execute function delete_account_webhooks();
create function delete_tenant_webhooks() returns trigger language plpgsql as $$
begin
  delete from webhook_requests r using gone where r.tenant_id = gone.id;
  delete from webhook_events e using gone where e.tenant_id = gone.id;
  delete from webhook_subjects s using gone where s.tenant_id = gone.id;
  delete from webhook_dedupe d using gone where d.tenant_id = gone.id;
  return null;
end $$;
create trigger tenants_webhooks after delete on tenants referencing old table as gone
  for each statement execute function delete_tenant_webhooks();`;
