import { Migration } from '@mikro-orm/migrations';

/** Conversations are compared by visits of accounts: no other work is found by when they are due. */
export class VisitIndexes extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql('drop index concurrently if exists accounts_history_due;');
    this.addSql('drop index concurrently if exists conversation_history_behind;');
    this.addSql(`create index concurrently conversation_history_behind on conversation_history (account_id)
      where provider_newest_at > covered_to or covered_to is null;`);
    this.addSql('drop index concurrently if exists account_visits_overdue;');
    this.addSql(
      'create index concurrently account_visits_overdue on account_visits (due_at) where due_at is not null;',
    );
  }
}
