import { Migration } from '@mikro-orm/migrations';

export class RunRetention extends Migration {
  override up(): void {
    this.addSql("create index sync_runs_ended on sync_runs (ended_at) where state <> 'running';");
    this.addSql("create index sync_runs_whole on sync_runs (account_id, kind, id) where scope = '';");
  }
}
