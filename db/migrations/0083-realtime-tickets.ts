import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** Tickets with which browsers open a socket, each once. */
export class RealtimeTickets extends Migration {
  override up(): void {
    this.addSql(`
create table realtime_tickets (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  key_id uuid not null references api_keys on delete cascade,
  hash text not null unique,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index realtime_tickets_tenant on realtime_tickets (tenant_id);
create index realtime_tickets_key on realtime_tickets (key_id);
create index realtime_tickets_expiry on realtime_tickets (expires_at);`);
    this.addSql(rowSecurity('realtime_tickets'));
  }
}
