import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';
import type { MediaName } from './media.ts';

/** Keeps the transaction short. */
const batch = 500;

const isUsed = sql`(exists (select from attachments where media_id = m.id)
  or exists (select from attendees where picture_media_id = m.id)
  or exists (select from conversations where picture_media_id = m.id))`;

/**
 * Looks at files that may be in use no more: removes the rows of those that nothing refers to, and answers their names; the
 * bytes are to be removed after the commit. Call again while `seen` is not 0. System role.
 */
export async function removeUnusedMedia(em: Em, now: Date): Promise<{ seen: number; removed: MediaName[] }> {
  const seen = await rows<MediaName & { isUsed: boolean }>(
    em,
    sql`with m as (
        select id, tenant_id, hash from media where kept_until <= ${now}
        order by kept_until limit ${batch} for update skip locked),
      looked as (select id, tenant_id, hash, ${isUsed} as used from m),
      kept as (update media set kept_until = null from looked l where media.id = l.id and l.used),
      gone as (delete from media using looked l where media.id = l.id and not l.used)
      select tenant_id as "tenantId", hash, used as "isUsed" from looked`,
  );
  return {
    seen: seen.length,
    removed: seen.flatMap(({ tenantId, hash, isUsed: used }) => (used ? [] : [{ tenantId, hash }])),
  };
}

/** Those of the names that no row has. System role. */
export const unknownMedia = (em: Em, names: readonly MediaName[]): Promise<MediaName[]> =>
  rows(
    em,
    sql`select g."tenantId", g.hash from ${recordset(names, sql`("tenantId" uuid, hash text)`)} as g
        where not exists (select from media m where m.tenant_id = g."tenantId" and m.hash = g.hash)`,
  );
