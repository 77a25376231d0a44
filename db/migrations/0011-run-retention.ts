import { Migration } from '@mikro-orm/migrations';

/** Ended syncs go after a while: finding those whose time is over, and whether a newer one tells what they told. */
export class RunRetention extends Migration {
  override up(): void {
    this.addSql("create index sync_runs_ended on sync_runs (ended_at) where state <> 'running';");
    this.addSql("create index sync_runs_whole on sync_runs (account_id, kind, id) where scope = '';");
  }
}
