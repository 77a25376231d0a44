import { Migration } from '@mikro-orm/migrations';

/** The last request to send a step's code again, or to try another way, that went to the provider. */
export class StepMoves extends Migration {
  override up(): void {
    this.addSql('alter table connection_steps add column move_id uuid;');
  }
}
