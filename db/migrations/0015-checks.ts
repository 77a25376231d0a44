import { Migration } from '@mikro-orm/migrations';

/** Renaming changes the catalog alone. */
export class Checks extends Migration {
  override up(): void {
    this.addSql(`alter table accounts rename column look_wanted_at to check_requested_at;
alter table accounts rename column looked_at to checked_at;
alter table connection_attempts rename column looks to checks;
alter index accounts_look_wanted rename to accounts_check_requested;`);
  }
}
