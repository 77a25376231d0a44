import { Migration } from '@mikro-orm/migrations';

export class LoginPages extends Migration {
  override up(): void {
    this.addSql(`alter table connection_attempts
      add column redirects jsonb,
      add column callback_token text,
      add column callback_used_at timestamptz,
      add column callback_hash text constraint connection_attempts_callback_hash_unique unique;`);
    this.addSql('alter table accounts add column looked_at timestamptz;');
    this.addSql(`create index accounts_degraded on accounts (looked_at)
      where state = 'degraded' and look_wanted_at is null and merged_into is null;`);
    // Partial indexes: accounts at rest cost the reconciler nothing.
    this.addSql("create index sync_runs_open on sync_runs (account_id) where state = 'running' and not dry_run;");
    this.addSql(`create index accounts_without_details on accounts (id)
      where state = 'active' and details_at is null and merged_into is null;`);
  }
}
