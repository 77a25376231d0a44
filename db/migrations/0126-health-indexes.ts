import { Migration } from '@mikro-orm/migrations';

/** What the health of accounts is read by. */
export class HealthIndexes extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    for (const [name, index] of Object.entries(indexes)) {
      this.addSql(`drop index concurrently if exists ${name};`);
      this.addSql(`create index concurrently ${name} on ${index};`);
    }
  }
}

const troubled = "where state in ('degraded', 'reconnect_required') and merged_into is null";

const indexes = {
  // Accounts in trouble by who must act, the longest first: of a tenant, and of the installation.
  accounts_trouble: `accounts (tenant_id, who, since, id) include (provider, channel, state) ${troubled}`,
  accounts_trouble_all: `accounts (who, since, id) include (provider, channel, state) ${troubled}`,
  // Failures of one account.
  sync_runs_failed: "sync_runs (account_id, ended_at desc) where state = 'failed'",
  message_sends_failed: "message_sends (account_id, ended_at desc) where state = 'failed'",
  // What of a tenant goes on, or waits.
  sync_runs_running_list: "sync_runs (tenant_id, kind) where state = 'running' and not dry_run",
  message_sends_waiting: "message_sends (tenant_id, next_try_at) where state in ('queued', 'sending', 'unclear')",
};
