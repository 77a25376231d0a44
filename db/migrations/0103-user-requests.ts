import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** Deletions that users of a provider asked for there, and what they are made of. */
export class UserRequests extends Migration {
  override up(): void {
    this.addSql('alter table accounts add column told_lost_at timestamptz;');
    // A part is of an account, or the erasure that has its id.
    this.addSql(`
create table user_requests (
  id uuid primary key,
  tenant_id uuid references tenants on delete cascade,
  credentials_id uuid not null references provider_credentials on delete cascade,
  provider text not null,
  code text not null unique,
  group_hash text not null,
  dedupe_hash text not null,
  requested_at timestamptz not null,
  done_at timestamptz,
  expires_at timestamptz,
  unique (credentials_id, dedupe_hash)
);
create index user_requests_group on user_requests (credentials_id, group_hash) where done_at is null;
create index user_requests_open on user_requests (id) where done_at is null;
create index user_requests_expiry on user_requests (expires_at) where expires_at is not null;
create table user_request_parts (
  id uuid primary key,
  request_id uuid not null references user_requests on delete cascade,
  tenant_id uuid not null references tenants on delete cascade,
  account_id uuid references accounts on delete cascade,
  attempt_id uuid,
  done_at timestamptz
);
create index user_request_parts_request on user_request_parts (request_id);
create index user_request_parts_account on user_request_parts (account_id) where account_id is not null;
create index user_request_parts_open on user_request_parts (id) where done_at is null;`);
    this.addSql(rowSecurity('user_requests'));
    this.addSql(rowSecurity('user_request_parts'));
  }
}
