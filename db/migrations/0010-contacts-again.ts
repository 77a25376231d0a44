import { Migration } from '@mikro-orm/migrations';

/** A phone that was just connected may still be syncing: its address book is read once more. */
export class ContactsAgain extends Migration {
  override up(): void {
    this.addSql('alter table accounts add column contacts_again_at timestamptz;');
    this.addSql(`create index accounts_contacts_again on accounts (contacts_again_at)
      where contacts_again_at is not null;`);
  }
}
