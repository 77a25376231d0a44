import type { MediaSource } from '../../../domain/seen-messages.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** A person or a group with a picture. */
export type PictureOwner = 'attendees' | 'conversations';

export interface Picture {
  accountId: string;
  /** Null where the provider named none. */
  source: MediaSource | null;
  mediaId: string | null;
  /** When the provider was last asked; RFC 3339. */
  checkedAt: string | null;
}

/** Null where there is no such person or group. */
export async function findPicture(em: Em, owner: PictureOwner, id: string): Promise<Picture | null> {
  const [found] = await rows<Picture>(
    em,
    sql`select account_id as "accountId", picture_source as source, picture_media_id as "mediaId",
          to_jsonb(picture_checked_at) #>> '{}' as "checkedAt"
        from ${sql.table(owner)} where id = ${id}`,
  );
  return found ?? null;
}

/**
 * Notes what the provider answered: a stored picture, or that there is none; then the next event names its source anew. The
 * picture before is kept no longer. False where the person or group is gone.
 */
export async function savePicture(
  em: Em,
  owner: PictureOwner,
  id: string,
  mediaId: string | null,
  at: Date,
): Promise<boolean> {
  const saved = await rows(
    em,
    sql`with old as (select id, picture_media_id from ${sql.table(owner)} where id = ${id} for no key update),
      released as (
        update media m set kept_until = coalesce(m.kept_until, ${at}) from old
        where m.id = old.picture_media_id and m.id is distinct from ${mediaId}::uuid)
      update ${sql.table(owner)} o set picture_media_id = ${mediaId}, picture_checked_at = ${at},
        picture_source = case when ${mediaId}::uuid is null then null else o.picture_source end
      from old where o.id = old.id returning o.id`,
  );
  return saved.length > 0;
}
