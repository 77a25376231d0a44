import { Migration } from '@mikro-orm/migrations';

/** Of a conversation what its owner wrote: the answer to a message is the first after it. Syncs of an account by when they ended. */
export class AnalyticsIndexes extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql('drop index concurrently if exists messages_answers;');
    this.addSql(`create index concurrently messages_answers on messages (conversation_id, sent_at)
      where direction = 'out' and deleted_at is null and event is null;`);
    this.addSql('drop index concurrently if exists sync_runs_account_ended;');
    this.addSql(`create index concurrently sync_runs_account_ended on sync_runs (account_id, ended_at)
      where ended_at is not null;`);
  }
}
