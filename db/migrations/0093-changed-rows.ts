import { Migration } from '@mikro-orm/migrations';

/** Rows by the time of their last change. */
export class ChangedRows extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    for (const table of ['accounts', 'contacts', 'conversations', 'messages']) {
      this.addSql(`drop index concurrently if exists ${table}_changes;`);
      this.addSql(`create index concurrently ${table}_changes on ${table} (tenant_id, changed_at, id);`);
    }
  }
}
