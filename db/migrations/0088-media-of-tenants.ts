import { Migration } from '@mikro-orm/migrations';

/** What a tenant has in the store of media is summed from an index. */
export class MediaOfTenants extends Migration {
  override up(): void {
    this.addSql('create index media_sizes on media (tenant_id) include (size);');
  }
}
