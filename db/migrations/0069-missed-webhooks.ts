import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** What webhooks missed, the accounts that are watched for it, and when webhooks were taken in. */
export class MissedWebhooks extends Migration {
  override up(): void {
    this.addSql('alter table accounts add column listening_since timestamptz;');
    this.addSql('alter table provider_credentials add column renewed_at timestamptz;');
    this.addSql(`
create table missed_webhooks (
  account_id uuid not null references accounts on delete cascade,
  day date not null,
  tenant_id uuid not null,
  missed int not null,
  during_downtime int not null,
  primary key (account_id, day)
);
create table webhook_watches (
  account_id uuid primary key references accounts on delete cascade,
  tenant_id uuid not null,
  since timestamptz not null,
  sweeps int not null,
  missed int not null,
  run_id uuid not null,
  run_missed int not null,
  run_since timestamptz not null,
  last_missed_at timestamptz not null,
  brought int not null,
  last_webhook_at timestamptz,
  degraded_at timestamptz,
  registrations jsonb not null,
  registered_at timestamptz,
  register_tries int not null,
  register_at timestamptz
);
create table intake_uptime (
  id uuid primary key,
  tenant_id uuid,
  up_from timestamptz not null,
  up_to timestamptz not null
);`);
    for (const table of ['missed_webhooks', 'webhook_watches', 'intake_uptime']) this.addSql(rowSecurity(table));
    this.addSql('create index missed_webhooks_day on missed_webhooks (day);');
    this.addSql('create index intake_uptime_ends on intake_uptime (up_to);');
  }
}
