import { Migration } from '@mikro-orm/migrations';

/** When an attempt's run moves it next: a run that was terminated is noticed soon after. */
export class AttemptWakes extends Migration {
  override up(): void {
    this.addSql('alter table connection_attempts add column wake_at timestamptz;');
  }
}
