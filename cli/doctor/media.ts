import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { newId } from '../../platform/ids.ts';
import type { BlobStore } from '../../services/media/blob-store.ts';
import { createBlobs } from '../../services/media/create-blobs.ts';
import { fail, pass, type Check } from './check.ts';

const written = 'patchbay doctor';

/** The store of media takes bytes, gives them back, and removes them. */
export const media: Check = {
  name: 'media',
  needs: ['configuration'],
  otherwise: 'Correct MEDIA_FOLDER or the MEDIA_S3_ settings, or what they name: "Files" in docs/operations.md.',
  look: async (subject) => {
    const config = subject.config();
    const place = config.MEDIA_S3_BUCKET ? `the bucket ${config.MEDIA_S3_BUCKET}` : config.MEDIA_FOLDER;
    const read = await writeAndRead(createBlobs(config));
    return read === written
      ? [pass(`a file was written, read and removed in ${place}`)]
      : [fail(`other bytes came out of ${place} than went in`, media.otherwise)];
  },
};

async function writeAndRead(blobs: BlobStore): Promise<string> {
  const received = await blobs.receive(Readable.from([written]), written.length);
  const name = { tenantId: newId(), hash: received.hash };
  try {
    await received.keep(name);
    return await text(await blobs.open(name));
  } finally {
    await received.discard();
    await blobs.remove(name);
  }
}
