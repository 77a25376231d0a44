import { Migration } from '@mikro-orm/migrations';

/** Roles belong to the whole server: another database may have made them, even at this moment. */
const role = (name: string): string => `
do $$ begin
  if not exists (select from pg_roles where rolname = '${name}') then create role ${name} nologin; end if;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin grant ${name} to current_user; exception when others then
  if not pg_has_role(current_user, '${name}', 'member') then raise; end if;
end $$;`;

/** Row-level security is forced on each. */
const tenantTables = [
  'api_keys',
  'idempotency_keys',
  'provider_credentials',
  'accounts',
  'account_events',
  'connection_attempts',
  'connection_steps',
  'webhook_events',
  'sync_runs',
];

const current = "nullif(current_setting('patchbay.tenant', true), '')::uuid";

const security = (table: string, visible: string): string => `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy tenant on ${table} to patchbay_app using (${visible}) with check (${visible});
create policy system on ${table} to patchbay_system using (true) with check (true);
create policy operator on ${table} for select to patchbay_operator using (true);
grant select, insert, update, delete on ${table} to patchbay_app, patchbay_system;
grant select on ${table} to patchbay_operator;`;

export class Foundation extends Migration {
  override up(): void {
    for (const name of ['patchbay_app', 'patchbay_system', 'patchbay_operator']) this.addSql(role(name));
    this.addSql('grant usage on schema public to patchbay_app, patchbay_system, patchbay_operator;');
    this.addSql(tables);
    this.addSql(indexes);
    this.addSql(security('tenants', `id = ${current}`));
    for (const table of tenantTables) this.addSql(security(table, `tenant_id = ${current}`));
    // A tenant without credentials uses the installation's: it may read them, never write them.
    this.addSql(`create policy installation on provider_credentials for select to patchbay_app
      using (tenant_id is null and ${current} is not null);`);
  }
}

const tables = `
create table tenants (
  id uuid primary key,
  name text not null constraint tenants_name_unique unique,
  created_at timestamptz not null
);
create table api_keys (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  hash text not null constraint api_keys_hash_unique unique,
  prefix text not null,
  name text not null,
  scopes text[] not null,
  created_at timestamptz not null,
  revoked_at timestamptz
);
create table idempotency_keys (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  route text not null,
  key text not null,
  body_digest text not null,
  locked_until timestamptz not null,
  status int,
  response text,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  constraint idempotency_keys_scope unique (tenant_id, route, key)
);
create table provider_credentials (
  id uuid primary key,
  tenant_id uuid references tenants on delete cascade,
  provider text not null,
  settings text not null,
  webhook_secrets text not null,
  webhook_token text not null constraint provider_credentials_webhook_token_unique unique,
  registered_address text,
  registrations jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint provider_credentials_one unique nulls not distinct (tenant_id, provider)
);
create table accounts (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  provider text not null,
  channel text not null,
  owner text not null,
  label text,
  metadata jsonb not null,
  credentials_id uuid references provider_credentials,
  provider_account_id text,
  identity text,
  state text not null,
  reason text,
  who text not null,
  since timestamptz not null,
  connection_config jsonb,
  provider_config jsonb,
  raw_details text,
  details_at timestamptz,
  secret text,
  method text not null,
  last_sync_at timestamptz,
  look_wanted_at timestamptz,
  merged_into uuid references accounts,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create table account_events (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  account_id uuid not null references accounts on delete cascade,
  attempt int,
  at timestamptz not null,
  kind text not null,
  text text not null,
  data jsonb not null
);
create table connection_attempts (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  account_id uuid not null references accounts on delete cascade,
  number int not null,
  operation text not null,
  trigger text not null,
  state text not null,
  method text not null,
  input text,
  purge boolean not null,
  started_at timestamptz not null,
  deadline_at timestamptz not null,
  ended_at timestamptz,
  reason text,
  detail text,
  who text,
  cancel_requested_at timestamptz,
  intent_at timestamptz,
  provider_account_id text,
  undo jsonb not null,
  answers_left int not null,
  looks int not null,
  current_step_id uuid,
  constraint connection_attempts_number unique (account_id, number)
);
create table connection_steps (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  account_id uuid not null references accounts on delete cascade,
  attempt_id uuid not null references connection_attempts on delete cascade,
  number int not null,
  kind text not null,
  content text,
  again boolean not null,
  can_resend boolean not null,
  can_try_another_way boolean not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  answers_left int not null,
  answer text,
  answer_id uuid,
  sent_at timestamptz,
  outcome text,
  ended_at timestamptz,
  constraint connection_steps_number unique (attempt_id, number)
);
create table webhook_events (
  id uuid primary key,
  tenant_id uuid references tenants on delete cascade,
  credentials_id uuid not null references provider_credentials on delete cascade,
  provider text not null,
  account_id uuid references accounts on delete cascade,
  provider_account_id text,
  type text not null,
  dedupe_key text not null,
  state text not null,
  error text,
  body text not null,
  deliveries int not null,
  owes_signal boolean not null,
  received_at timestamptz not null,
  processed_at timestamptz,
  constraint webhook_events_dedupe unique (credentials_id, dedupe_key)
);
create table sync_runs (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  account_id uuid not null references accounts on delete cascade,
  kind text not null,
  state text not null,
  dry_run boolean not null,
  again boolean not null,
  stats jsonb not null,
  reason text,
  started_at timestamptz not null,
  ended_at timestamptz
);`;

const indexes = `
-- One upstream login is one account, and so is one identity of a tenant; what was merged away no longer counts.
create unique index accounts_upstream on accounts (credentials_id, provider_account_id) where merged_into is null;
create unique index accounts_identity on accounts (tenant_id, provider, channel, identity) where merged_into is null;
create index accounts_list on accounts (tenant_id, id);
create index accounts_look_wanted on accounts (look_wanted_at) where look_wanted_at is not null;
create index account_events_timeline on account_events (account_id, id);
-- The reconciler's question: which attempts are open, or ended with something left to delete upstream.
create index connection_attempts_open on connection_attempts (deadline_at) where state = 'running' or undo <> '[]';
create index webhook_events_unmatched on webhook_events (credentials_id, provider_account_id) where state = 'unmatched';
create index webhook_events_owed on webhook_events (received_at) where owes_signal or state = 'received';
create index webhook_events_list on webhook_events (tenant_id, id);
create index sync_runs_account on sync_runs (account_id, id);
-- Two triggers at once are one run.
create unique index sync_runs_running on sync_runs (account_id, kind) where state = 'running' and not dry_run;
create index idempotency_keys_expiry on idempotency_keys (expires_at);`;
