import type { Readable } from 'node:stream';
import type { StoredMedia } from '../../db/queries/media/media.ts';
import { largestFile } from '../../domain/message-capabilities.ts';
import type { Providers } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { BlobTooLargeError } from './blob-store.ts';
import { keepMedia, type IncomingMedia } from './keep-media.ts';

/** How long an uploaded file stays where no message has it, in milliseconds. */
export const uploadKeptForMs = 24 * 60 * 60_000;

/** Bytes of the largest file that any channel takes. */
export const largestUpload = (providers: Providers): number =>
  Math.max(
    0,
    ...Object.values(providers).flatMap(({ messages }) => Object.values(messages?.capabilities ?? {}).map(largestFile)),
  );

/** A type that says nothing stays open: the same bytes may come with a better one. */
export const knownType = (type: string | null): string | null => (type === 'application/octet-stream' ? null : type);

/** Stores a file that a caller sends, for messages. `confirm` runs before it is noted, and nothing is stored where it throws. */
export async function keepUpload(
  context: Context,
  tenantId: string,
  { body, mimeType }: { body: Readable; mimeType: string },
  confirm: () => Promise<void>,
): Promise<StoredMedia> {
  const mostBytes = largestUpload(context.providers);
  const contentType = /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,100}$/.test(mimeType) ? knownType(mimeType) : null;
  const incoming: IncomingMedia = {
    body,
    contentType,
    mostBytes,
    keptForMs: uploadKeptForMs,
    quota: context.config.MEDIA_QUOTA_BYTES,
    confirm: async (size) => {
      if (size === 0) throw new Problem('invalid_request', 'file: is empty.');
      await confirm();
    },
  };
  try {
    return await keepMedia(context, tenantId, incoming, (_em, media) => Promise.resolve(media));
  } catch (error) {
    if (error instanceof BlobTooLargeError) throw new Problem('too_large', error.message);
    throw error;
  }
}
