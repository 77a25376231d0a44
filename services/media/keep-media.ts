import type { Readable } from 'node:stream';
import type { Em } from '../../db/connect.ts';
import { lockMedia, saveMedia, type StoredMedia } from '../../db/queries/media/media.ts';
import { newId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { requireRoom } from './require-room.ts';

export interface IncomingMedia {
  body: Readable;
  /** Without parameters; null where it is not known. */
  contentType: string | null;
  /** Bytes. */
  mostBytes: number;
  /** How long the file stays where no row refers to it, in milliseconds. */
  keptForMs: number;
  /** What the tenant's files may take with this one, in bytes; without a limit where it is left out. */
  quota?: number | undefined;
  /** Runs once the bytes are here, before the transaction: it may begin one of its own. Nothing is stored where it throws. */
  confirm?: (size: number) => Promise<void>;
}

/**
 * Stores a file, and calls `use` in the transaction that notes it: a row that refers to the file belongs there. What it
 * answers is answered. Throws `BlobTooLargeError`, `storage_full`, else what the body or `use` throws: then nothing was stored.
 */
export async function keepMedia<T>(
  { blobs, db, clock }: Pick<Context, 'blobs' | 'db' | 'clock'>,
  tenantId: string,
  { body, contentType, mostBytes, keptForMs, quota, confirm }: IncomingMedia,
  use: (em: Em, media: StoredMedia) => Promise<T>,
): Promise<T> {
  const received = await blobs.receive(body, mostBytes);
  const { hash, size } = received;
  try {
    await confirm?.(size);
    return await db.tenant(tenantId, async (em) => {
      if (quota !== undefined) await requireRoom(em, { tenantId, hash }, size, quota);
      await lockMedia(em, { tenantId, hash });
      const now = clock.now();
      const keptUntil = new Date(now.getTime() + keptForMs);
      const media = await saveMedia(em, { id: newId(), tenantId, hash, size, contentType, keptUntil }, now);
      const result = await use(em, media);
      await received.keep({ tenantId, hash });
      return result;
    });
  } catch (error) {
    await received.discard();
    throw error;
  }
}
