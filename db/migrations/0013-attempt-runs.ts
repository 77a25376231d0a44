import { Migration } from '@mikro-orm/migrations';

/** The Temporal run of an attempt: the workflow's newest run may be a later one. */
export class AttemptRuns extends Migration {
  override up(): void {
    this.addSql('alter table connection_attempts add column run_id text;');
  }
}
