import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** Files whose bytes are in the store of media. */
export class MediaFiles extends Migration {
  override up(): void {
    this.addSql(`
create table media (
  id uuid primary key,
  tenant_id uuid not null,
  hash text not null,
  size bigint not null,
  content_type text,
  kept_until timestamptz not null,
  created_at timestamptz not null,
  constraint media_of_tenant unique (tenant_id, hash)
);`);
    this.addSql(rowSecurity('media'));
    this.addSql('create index media_kept on media (kept_until);');
    this.addSql('alter table attachments add column media_id uuid references media;');
    this.addSql('create index attachments_media on attachments (media_id) where media_id is not null;');
  }
}
