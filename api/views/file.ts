import { z } from 'zod';
import type { StoredMedia } from '../../db/queries/media/media.ts';
import type { Context } from '../../services/context.ts';
import { BlobMissingError } from '../../services/media/blob-store.ts';
import { Problem } from '../../services/problem.ts';
import type { FileAnswer } from '../http/files.ts';

/** How long a caller waits for a file that is not here yet. */
export const waitQuery = z.object({
  wait: z.coerce.number().min(0).max(20).default(5).describe('Seconds to wait for a file that is not here yet.'),
});

/** The answer while a file is being fetched. */
export const fetching = z.object({ state: z.literal('fetching') }).meta({ id: 'Fetching' });

/** Seconds after which a caller may ask for a file that is being fetched. */
const againSeconds = 2;

/** Fires when the caller has waited so many seconds, has disconnected, or the process is about to end. */
export const patienceOf = ({ wait }: { wait: number }, gone: AbortSignal): AbortSignal =>
  AbortSignal.any([gone, AbortSignal.timeout(Math.round(wait * 1_000))]);

interface ShownFile {
  media: StoredMedia;
  name: string | null;
  contentType: string | null;
}

/** A stored file; 202 where it is still being fetched. */
export const fileOrLater = (
  { blobs }: Pick<Context, 'blobs'>,
  file: ShownFile | null,
): { file: FileAnswer } | { status: number; body: z.input<typeof fetching>; retryAfter: number } =>
  file
    ? {
        file: {
          size: file.media.size,
          version: file.media.hash,
          contentType: file.contentType,
          name: file.name,
          open: async (range) => {
            try {
              return await blobs.open(file.media, range);
            } catch (error) {
              if (!(error instanceof BlobMissingError)) throw error;
              throw new Problem('not_found', 'The stored file is missing.', { fix: 'Tell the operator.' });
            }
          },
        },
      }
    : { status: 202, body: { state: 'fetching' }, retryAfter: againSeconds };

/** The same for a picture. */
export const pictureOrLater = (
  context: Pick<Context, 'blobs'>,
  media: StoredMedia | null,
): ReturnType<typeof fileOrLater> =>
  fileOrLater(context, media && { media, name: null, contentType: media.contentType });
