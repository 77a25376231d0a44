import { Migration } from '@mikro-orm/migrations';

/** Accounts by when their owners are reminded, and those whose owner was asked by a version without reminders. */
export class RemindersDue extends Migration {
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
  accounts_remind_due: '(remind_due_at) where remind_due_at is not null',
  accounts_unasked: `(id) where who = 'owner' and asked_at is null and state <> 'connecting' and merged_into is null`,
};
