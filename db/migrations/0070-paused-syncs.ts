import { Migration } from '@mikro-orm/migrations';

/** A running sync can be paused. */
export class PausedSyncs extends Migration {
  override up(): void {
    this.addSql(`
alter table sync_runs add column paused_at timestamptz, add column resumed_at timestamptz, add column resumed_part real;`);
  }
}
