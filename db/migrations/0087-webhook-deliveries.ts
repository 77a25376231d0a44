import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** Events on their way to an endpoint, by the day on which they were queued. */
export class WebhookDeliveries extends Migration {
  override up(): void {
    this.addSql(tables);
    this.addSql(rowSecurity('webhook_deliveries'));
    this.addSql("select ensure_partitions(array['webhook_deliveries'], now(), 3);");
    this.addSql(deletion);
  }
}

// No foreign keys: each insert would lock the endpoint. The key serves the lists too, since a list names its endpoints.
const tables = `
create table webhook_deliveries (
  id uuid not null,
  tenant_id uuid not null,
  endpoint_id uuid not null,
  stamp bigint not null,
  seq bigint not null,
  lane uuid not null,
  type text not null,
  account_id uuid,
  data jsonb not null,
  event_at timestamptz not null,
  state text not null,
  tries int not null,
  created_at timestamptz not null,
  next_try_at timestamptz,
  give_up_at timestamptz not null,
  tried_at timestamptz,
  status int,
  error text,
  took_ms int,
  answer text,
  primary key (endpoint_id, id, created_at)
) partition by range (created_at);
create table webhook_deliveries_default partition of webhook_deliveries default;
create index webhook_deliveries_pending on webhook_deliveries (endpoint_id, stamp, seq) where state = 'pending';
create index webhook_deliveries_dead on webhook_deliveries (endpoint_id, id) where state = 'dead';`;

const deletion = `
create function delete_endpoint_deliveries() returns trigger language plpgsql as $$
begin
  delete from webhook_deliveries d using gone where d.endpoint_id = gone.id;
  return null;
end $$;
create trigger endpoints_deliveries after delete on webhook_endpoints referencing old table as gone
  for each statement execute function delete_endpoint_deliveries();`;
