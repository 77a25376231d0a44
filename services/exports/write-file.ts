import { lockOperation } from '../../db/queries/bulk/operations.ts';
import { insertFile } from '../../db/queries/exports/files.ts';
import type { BulkOperation } from '../../db/entities/bulk.ts';
import type { BulkPlace } from '../../domain/bulk.ts';
import type { Keyset } from '../../platform/keyset.ts';
import type { Context } from '../context.ts';
import { keepMedia } from '../media/keep-media.ts';
import { sealFrames } from './frames.ts';

/** The operation was paused, cancelled or begun anew while the file was written: it is not kept. */
export class ExportStopped extends Error {
  override name = 'ExportStopped';
}

/** Longer than any export takes: the operation removes its files. In milliseconds. */
const keptForMs = 30 * 86_400_000;

/** A file to be written, and how far the export is with it. */
export interface NewFile {
  number: number;
  name: string;
  source: string;
  lines: AsyncIterable<string>;
  /** After the last line. */
  ended(): { rowCount: number; place: BulkPlace };
}

/** Writes a sealed file, and notes it together with the place where the export goes on. Throws `ExportStopped`. */
export async function writeFile(
  context: Context,
  { id, tenantId, generation }: Pick<BulkOperation, 'id' | 'tenantId' | 'generation'>,
  keys: Keyset,
  file: NewFile,
): Promise<void> {
  const { body, result } = sealFrames(file.lines, keys);
  await keepMedia(
    context,
    tenantId,
    { body, contentType: 'application/octet-stream', mostBytes: Infinity, keptForMs },
    async (em, media) => {
      const operation = await lockOperation(em, id);
      if (operation?.state !== 'running' || operation.generation !== generation) throw new ExportStopped();
      const { rowCount, place } = file.ended();
      const { size, sha256 } = result();
      const { number, name, source } = file;
      const at = context.clock.now();
      await insertFile(
        em,
        { tenantId, operationId: id },
        { number, name, source, rowCount, size, sha256, mediaId: media.id },
        at,
      );
      const { files = 0, rows = 0, bytes = 0, ...others } = operation.counts;
      operation.counts = { ...others, files: files + 1, rows: rows + rowCount, bytes: bytes + size };
      operation.place = place;
    },
  );
}
