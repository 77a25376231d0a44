import type { Readable } from 'node:stream';
import { readOperation } from '../../db/queries/bulk/operations.ts';
import { fileNamed, type ListedFile } from '../../db/queries/exports/files.ts';
import { findMedia } from '../../db/queries/media/media.ts';
import { isId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import type { ByteRange } from '../media/blob-store.ts';
import { Problem } from '../problem.ts';
import { openFrames } from './frames.ts';

interface ReadableFile extends ListedFile {
  open(range?: ByteRange): Promise<Readable>;
}

/** A file of an export; null where it may still be written. Throws `Problem` where there is none, or not any more. */
export async function exportFile(
  { db, blobs, vault, clock }: Context,
  { tenantId, operationId }: { tenantId: string; operationId: string },
  name: string,
): Promise<ReadableFile | null> {
  const found = await db.tenant(tenantId, async (em) => {
    const operation = isId(operationId) ? await readOperation(em, operationId) : null;
    if (operation?.kind !== 'export') throw new Problem('not_found', 'There is no such export.');
    const file = await fileNamed(em, operation.id, name);
    const isOver = operation.expiresAt === null ? operation.state === 'done' : operation.expiresAt <= clock.now();
    if (isOver) throw new Problem('export_gone');
    const media = file && (await findMedia(em, file.mediaId));
    if (file && media) return { file, media };
    if (operation.dueAt !== null) return null;
    throw new Problem('not_found', 'The export has no such file.');
  });
  if (!found) return null;
  const { file, media } = found;
  const keys = await vault.keysOf(db, tenantId);
  return { ...file, open: async (range) => openFrames(await blobs.open(media), keys, range) };
}
