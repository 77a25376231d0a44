import { Migration } from '@mikro-orm/migrations';

export class ContactsByAccount extends Migration {
  override up(): void {
    this.addSql(`drop index contacts_account;
create index contacts_account on contacts (account_id, id);`);
  }
}
