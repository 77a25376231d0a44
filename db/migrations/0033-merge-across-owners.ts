import { Migration } from '@mikro-orm/migrations';

/** Whether a login may become part of an account of another owner: only where that was requested. */
export class MergeAcrossOwners extends Migration {
  override up(): void {
    this.addSql('alter table connection_attempts add column merge_across_owners boolean not null default false;');
  }
}
