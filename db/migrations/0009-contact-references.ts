import { Migration } from '@mikro-orm/migrations';

// The reference to the account was checked for each row of a first sync: a fifth of its time in PostgreSQL. Writers
// hold
// the account's row (`lockContacts`).
export class ContactReferences extends Migration {
  override up(): void {
    this.addSql(`alter table contacts drop constraint contacts_account_id_fkey;
create function delete_account_contacts() returns trigger language plpgsql as $$
begin
  delete from contacts c using gone where c.account_id = gone.id;
  return null;
end $$;
create trigger accounts_contacts after delete on accounts referencing old table as gone
  for each statement execute function delete_account_contacts();`);
  }
}
