import { Migration } from '@mikro-orm/migrations';

/** When an answer was given: one that its run did not hear of in time is passed on later. */
export class AnsweredAt extends Migration {
  override up(): void {
    this.addSql('alter table connection_steps add column answered_at timestamptz;');
  }
}
