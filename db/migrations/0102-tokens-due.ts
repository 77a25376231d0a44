import { Migration } from '@mikro-orm/migrations';

/** Accounts by when something is to be done about their tokens, and those whose times are not written yet. */
export class TokensDue extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    for (const [name, index] of Object.entries(indexes)) {
      this.addSql(`drop index concurrently if exists ${name};`);
      this.addSql(`create index concurrently ${name} on accounts ${index};`);
    }
  }
}

const indexes = {
  accounts_keys_due: '(keys_due_at) where keys_due_at is not null',
  accounts_keys_unread: '(id) where provider_keys is not null and keys_version = 0',
};
