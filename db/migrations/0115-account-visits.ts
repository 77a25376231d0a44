import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/**
 * Visits of connected accounts by the sweep of platforms, apart from `accounts`, whose rows have many indexes and triggers. A
 * trigger keeps one row for each account that has a login, so that no writer can forget it.
 */
export class AccountVisits extends Migration {
  override up(): void {
    this.addSql(table);
    this.addSql(rowSecurity('account_visits'));
    this.addSql(`alter table provider_credentials
      add column visits_at timestamptz,
      add column visits_rest_until timestamptz,
      add column visits_failures int not null default 0,
      add column visits_ms float8 not null default 0;`);
    this.addSql('alter table sync_runs add column since timestamptz;');
    this.addSql(planVisits);
    this.addSql(fill);
  }
}

const table = `
create table account_visits (
  account_id uuid primary key references accounts on delete cascade,
  tenant_id uuid not null,
  credentials_id uuid,
  due_at timestamptz,
  lease uuid,
  again boolean not null default false,
  visited_at timestamptz,
  succeeded_at timestamptz,
  failed_at timestamptz,
  outcome text,
  reason text,
  failures int not null default 0,
  interval_seconds int,
  found int not null default 0,
  found_at timestamptz,
  news_at timestamptz,
  behind int,
  webhook_state text,
  webhook_expected text,
  webhook_actual text,
  webhook_missing text[] not null default '{}',
  webhook_checked_at timestamptz,
  webhook_repaired_at timestamptz,
  webhook_repairs int not null default 0,
  last_event_at timestamptz,
  usual_gap_seconds int,
  gaps int not null default 0,
  silent_since timestamptz,
  silence_explained_at timestamptz,
  details_due_at timestamptz,
  details_faults text[]
);
create index account_visits_due on account_visits (credentials_id, due_at) where due_at is not null;
create index account_visits_leased on account_visits (credentials_id) where lease is not null;`;

/**
 * An account whose state or login changes is visited soon, or once more after the visit that is under way. What a visit found of
 * another login is not kept.
 */
const planVisits = `
create function plan_account_visits() returns trigger language plpgsql as $$
begin
  if new.provider_account_id is null or new.merged_into is not null then
    update account_visits set due_at = null, lease = null, again = false where account_id = new.id;
  else
    insert into account_visits as v (account_id, tenant_id, credentials_id, due_at)
    values (new.id, new.tenant_id, new.credentials_id, new.updated_at)
    on conflict (account_id) do update set credentials_id = excluded.credentials_id,
      lease = case when v.credentials_id is not distinct from excluded.credentials_id
        and old.provider_account_id is not distinct from new.provider_account_id then v.lease end,
      again = v.lease is not null,
      due_at = case when v.lease is null then excluded.due_at else v.due_at end;
  end if;
  return null;
end $$;
create trigger plan_visits_of_new after insert on accounts
  for each row when (new.provider_account_id is not null) execute function plan_account_visits();
create trigger plan_visits after update of state, reason, credentials_id, provider_account_id, merged_into on accounts
  for each row when ((new.state, new.reason, new.credentials_id, new.provider_account_id, new.merged_into)
    is distinct from (old.state, old.reason, old.credentials_id, old.provider_account_id, old.merged_into))
  execute function plan_account_visits();`;

/** Accounts that are here are spread over an hour. The owner passes no policy. */
const fill = `
set local role patchbay_system;
insert into account_visits (account_id, tenant_id, credentials_id, due_at)
select id, tenant_id, credentials_id, now() + random() * interval '1 hour' from accounts
where provider_account_id is not null and merged_into is null;
reset role;`;
