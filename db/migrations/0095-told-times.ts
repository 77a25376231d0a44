import { Migration } from '@mikro-orm/migrations';

/** A provider's word on a field of a conversation counts until a newer one, so the time of each is kept. */
export class ToldTimes extends Migration {
  override up(): void {
    this.addSql(`alter table conversations add column told_at jsonb not null default '{}';`);
  }
}
