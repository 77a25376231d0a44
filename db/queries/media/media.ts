import type { Em } from '../../connect.ts';
import type { Media } from '../../entities/media.ts';
import { rows, sql } from '../../sql.ts';

/** A stored file. */
export type StoredMedia = Pick<Media, 'id' | 'tenantId' | 'hash' | 'size' | 'contentType'>;

/** Names the bytes of a file. */
export type MediaName = Pick<Media, 'tenantId' | 'hash'>;

const lockKey = ({ tenantId, hash }: MediaName) => sql`hashtextextended(${`media/${tenantId}/${hash}`}, 0)`;

/**
 * Until the transaction ends, nothing else writes or removes the bytes of that name: its row and its bytes then change
 * together.
 */
export async function lockMedia(em: Em, name: MediaName): Promise<void> {
  await rows(em, sql`select pg_advisory_xact_lock(${lockKey(name)})::text`);
}

/** Notes bytes that are in the store. They are kept until `keptUntil` at least, and for as long as a row refers to them. */
export async function saveMedia(em: Em, media: Omit<Media, 'createdAt'>, now: Date): Promise<StoredMedia> {
  const [saved] = await rows<StoredMedia>(
    em,
    sql`insert into media as m (id, tenant_id, hash, size, content_type, kept_until, created_at)
        values (${media.id}, ${media.tenantId}, ${media.hash}, ${media.size}, ${media.contentType}, ${media.keptUntil},
          ${now})
        on conflict (tenant_id, hash) do update set
          kept_until = greatest(m.kept_until, excluded.kept_until),
          content_type = coalesce(m.content_type, excluded.content_type)
        returning id, tenant_id as "tenantId", hash, size::float8 as size, content_type as "contentType"`,
  );
  return saved!;
}

/** A stored file of the tenant; null where there is none of that id. */
export async function findMedia(em: Em, id: string): Promise<StoredMedia | null> {
  const [found] = await rows<StoredMedia>(
    em,
    sql`select id, tenant_id as "tenantId", hash, size::float8 as size, content_type as "contentType"
        from media where id = ${id}`,
  );
  return found ?? null;
}

/** Until the transaction ends, no other one that asks for this notes a file of the tenant. Before `lockMedia`. */
export async function lockRoom(em: Em, tenantId: string): Promise<void> {
  await rows(em, sql`select pg_advisory_xact_lock(hashtextextended(${`media-room/${tenantId}`}, 0))::text`);
}

/** Bytes of all other files of a tenant that are in the store. */
export async function otherBytes(em: Em, { tenantId, hash }: MediaName): Promise<number> {
  const [sum] = await rows<{ bytes: number }>(
    em,
    // The sum is read from an index that has no hashes.
    sql`select (coalesce((select sum(size) from media where tenant_id = ${tenantId}), 0)
          - coalesce((select size from media where tenant_id = ${tenantId} and hash = ${hash}), 0))::float8 as bytes`,
  );
  return sum?.bytes ?? 0;
}

/** Files that a message has from now on go with the last message that has them. */
export async function keepWithMessages(em: Em, ids: readonly string[], now: Date): Promise<void> {
  await rows(em, sql`update media set kept_until = least(kept_until, ${now}) where id = any(${ids}::uuid[])`);
}
