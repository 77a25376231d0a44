import { Migration } from '@mikro-orm/migrations';

/** People that are to be looked up. */
export class DueProfiles extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(`drop index concurrently if exists attendees_profile_due;`);
    this.addSql(`create index concurrently attendees_profile_due on attendees (id) where profile_due;`);
  }
}
