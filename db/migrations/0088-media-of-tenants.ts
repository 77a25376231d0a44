import { Migration } from '@mikro-orm/migrations';

/** What a tenant has in the store of media is summed from an index. */
export class MediaOfTenants extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql('drop index concurrently if exists media_sizes;');
    this.addSql('create index concurrently media_sizes on media (tenant_id) include (size);');
  }
}
