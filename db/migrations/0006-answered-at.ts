import { Migration } from '@mikro-orm/migrations';

/** When an answer was given: one that its run missed is passed on later. */
export class AnsweredAt extends Migration {
  override up(): void {
    this.addSql('alter table connection_steps add column answered_at timestamptz;');
    this.addSql(`create index connection_attempts_unclear on connection_attempts (account_id)
      where intent_at is not null and provider_account_id is null;`);
  }
}
