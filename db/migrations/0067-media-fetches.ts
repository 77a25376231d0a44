import { Migration } from '@mikro-orm/migrations';

/** Files that are fetched from their providers, and files that nothing refers to any more. */
export class MediaFetches extends Migration {
  override up(): void {
    this.addSql(fetches);
    this.addSql(pictures);
    this.addSql(loose);
  }
}

const fetches = `
alter table attachments
  add column fetch_due_at timestamptz,
  add column fetch_tries int not null default 0,
  add column unavailable_why text;
update attachments set fetch_due_at = now() where source is not null and not unavailable;
create index attachments_due on attachments (tenant_id, fetch_due_at) where fetch_due_at is not null;
`;

/** The source of a picture is what its provider's code needs to fetch it: ids, no keys. */
const pictures = `
alter table attendees
  add column picture_source jsonb,
  add column picture_media_id uuid references media,
  add column picture_checked_at timestamptz;
alter table conversations
  add column picture_source jsonb,
  add column picture_media_id uuid references media,
  add column picture_checked_at timestamptz;
create index attendees_picture on attendees (picture_media_id) where picture_media_id is not null;
create index conversations_picture on conversations (picture_media_id) where picture_media_id is not null;
`;

/**
 * `kept_until` is null while a row refers to the file. A deleted row makes the file one that has to be looked at, so that
 * no sweep has to read the files that are in use.
 */
const loose = `
alter table media alter column kept_until drop not null;
drop index media_kept;
create index media_kept on media (kept_until) where kept_until is not null;
create function release_media() returns trigger language plpgsql as $$
begin
  execute format(
    'update media m set kept_until = coalesce(m.kept_until, now()) from gone where m.id = gone.%I', tg_argv[0]);
  return null;
end $$;
create trigger attachments_media after delete on attachments referencing old table as gone
  for each statement execute function release_media('media_id');
create trigger attendees_media after delete on attendees referencing old table as gone
  for each statement execute function release_media('picture_media_id');
create trigger conversations_media after delete on conversations referencing old table as gone
  for each statement execute function release_media('picture_media_id');
`;
