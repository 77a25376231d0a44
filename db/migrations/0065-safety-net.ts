import { Migration } from '@mikro-orm/migrations';

/** When an account's conversations are compared with the provider's. */
export class SafetyNet extends Migration {
  override up(): void {
    this.addSql('alter table accounts add column history_due_at timestamptz;');
    this.addSql('create index accounts_history_due on accounts (history_due_at) where history_due_at is not null;');
  }
}
