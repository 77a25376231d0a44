import type { Em } from '../../db/connect.ts';
import { Attachment, Message } from '../../db/entities/messages.ts';
import { findMedia, type StoredMedia } from '../../db/queries/media/media.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { UnavailableReason } from '../../domain/media.ts';
import { isId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { fetchAttachment } from './fetch-attachment.ts';
import { problemOfFetch, untilDone } from './wait-for-file.ts';

/** A stored file with what its attachment says of it; null while it is fetched. */
export type AttachmentFile = { media: StoredMedia; name: string | null; contentType: string | null } | null;

/**
 * The file of an attachment. One that is not here is fetched at once, and waited for until `patience` fires. Throws
 * `Problem`: one for each reason why there is no file.
 */
export async function attachmentFile(
  context: Context,
  { tenantId, id }: { tenantId: string; id: string },
  patience: AbortSignal,
): Promise<AttachmentFile> {
  const read = (): Promise<AttachmentFile> => context.db.tenant(tenantId, (em) => storedFile(em, id));
  const stored = await read();
  if (stored) return stored;
  const fetching = context.fetches.run(id, () =>
    fetchAttachment(context, { tenantId, id }, 'live', () => context.clock.now(), context.stopping),
  );
  // The sweep fetches it where too much is under way here.
  if (!fetching) return null;
  try {
    await untilDone(fetching, patience);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    throw problemOfFetch(error);
  }
  return read();
}

/** Null where the file has to be fetched. */
async function storedFile(em: Em, id: string): Promise<AttachmentFile> {
  const attachment = isId(id) ? await em.findOne(Attachment, { id }) : null;
  const message = attachment && (await em.findOne(Message, { id: attachment.messageId, deletedAt: null }));
  if (!attachment || !message) throw new Problem('not_found', 'There is no such attachment.');
  const media = attachment.mediaId ? await findMedia(em, attachment.mediaId) : null;
  if (media) return { media, name: attachment.fileName, contentType: attachment.mimeType ?? media.contentType };
  const { unavailable, unavailableWhy, source } = attachment;
  if (unavailable) throw new Problem('attachment_unavailable', reasons[unavailableWhy ?? 'gone']);
  if (source === null)
    throw new Problem('not_found', 'The attachment has no file: it is a link, or its file is not known.');
  return null;
}

const reasons: Record<UnavailableReason, string> = {
  gone: 'The provider does not have the file any more.',
  too_large: 'The file is larger than what is kept here.',
  refused: 'The provider refuses to give the file.',
  given_up: 'The file could not be fetched for two weeks.',
};
