import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** Where events are delivered, and what happened to a tenant as a whole. */
export class WebhookEndpoints extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of ['webhook_endpoints', 'tenant_events']) this.addSql(rowSecurity(table));
  }
}

// The row is written with each page of the feed: room for new versions beside the old ones.
const tables = `
create table webhook_endpoints (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  url text not null,
  description text,
  types text[],
  accounts text[],
  headers text,
  secrets text not null,
  enabled boolean not null,
  disabled_reason text,
  stamp bigint not null,
  seq bigint not null,
  failures int not null,
  paused_at timestamptz,
  probe_at timestamptz,
  due_at timestamptz,
  leased_by uuid,
  leased_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
) with (fillfactor = 50);
create index webhook_endpoints_tenant on webhook_endpoints (tenant_id, id);
create table tenant_events (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  at timestamptz not null,
  kind text not null,
  text text not null,
  data jsonb not null
);
create index tenant_events_list on tenant_events (tenant_id, id);
create index tenant_events_at on tenant_events (at);`;
