import { Migration } from '@mikro-orm/migrations';

/** An account that is deleted takes its contacts along: merged ones are found by their account, too. */
export class ContactsByAccount extends Migration {
  override up(): void {
    this.addSql(`drop index contacts_account;
create index contacts_account on contacts (account_id, id);`);
  }
}
