import type { Em } from '../../db/connect.ts';
import { findMedia, type StoredMedia } from '../../db/queries/media/media.ts';
import { findPicture, savePicture, type PictureOwner } from '../../db/queries/media/pictures.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { MediaSource } from '../../domain/seen-messages.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { BlobTooLargeError } from './blob-store.ts';
import { mediaOf } from './fetch-attachment.ts';
import { keepMedia } from './keep-media.ts';
import { problemOfFetch, untilDone } from './wait-for-file.ts';

const mostBytes = 5_000_000;
/** How long one fetch may take, in milliseconds. */
const longestMs = 60_000;
const dayMs = 86_400_000;
/** A stored picture is asked for again after this; a person or group without one, after a day. */
const freshMs = 7 * dayMs;

interface PictureRef {
  tenantId: string;
  owner: PictureOwner;
  id: string;
}

/**
 * The picture of a person or a group; null while it is fetched. One that is not here, or not fresh, is fetched and waited
 * for until `patience` fires; what is stored is answered where the provider cannot be asked. Throws `Problem`, `no_picture`
 * where there is none.
 */
export async function pictureFile(
  context: Context,
  ref: PictureRef,
  patience: AbortSignal,
): Promise<StoredMedia | null> {
  const { stored, isFresh, wanted } = await context.db.tenant(ref.tenantId, (em) => look(context, em, ref));
  if (isFresh || !wanted) return answerOf(stored);
  const fetching = context.fetches.run(ref.id, () => fetchPicture(context, ref, wanted));
  if (!fetching) return stored;
  try {
    await untilDone(fetching, patience);
  } catch (error) {
    if (stored) return stored;
    if (error instanceof ProviderFailure) throw problemOfFetch(error);
    throw error;
  }
  const after = await context.db.tenant(ref.tenantId, (em) => look(context, em, ref));
  return after.isFresh ? answerOf(after.stored) : after.stored;
}

function answerOf(stored: StoredMedia | null): StoredMedia {
  if (stored) return stored;
  throw new Problem('no_picture', 'There is no picture to see.');
}

interface Look {
  stored: StoredMedia | null;
  /** What is known is not older than it may be. */
  isFresh: boolean;
  /** What the provider needs; null where it named none. */
  wanted: { accountId: string; source: MediaSource } | null;
}

async function look({ clock }: Context, em: Em, { owner, id }: PictureRef): Promise<Look> {
  const found = await findPicture(em, owner, id);
  if (!found) throw new Problem('not_found', 'There is no such person or group.');
  const { accountId, source, mediaId, checkedAt } = found;
  const ageMs = checkedAt === null ? Infinity : clock.now().getTime() - Date.parse(checkedAt);
  return {
    stored: mediaId ? await findMedia(em, mediaId) : null,
    isFresh: ageMs < (mediaId ? freshMs : dayMs),
    wanted: source && { accountId, source },
  };
}

/** Fetches a picture and stores it, or notes that there is none. Throws `ProviderFailure`. */
async function fetchPicture(
  context: Context,
  { tenantId, owner, id }: PictureRef,
  { accountId, source }: NonNullable<Look['wanted']>,
): Promise<void> {
  const signal = AbortSignal.any([context.stopping, AbortSignal.timeout(longestMs)]);
  const at = context.clock.now();
  const { media, call } = await context.db.tenant(tenantId, (em) => mediaOf(context, em, accountId, at));
  const file = await media.picture({ ...call, signal }, source);
  const none = (): Promise<boolean> => context.db.tenant(tenantId, (em) => savePicture(em, owner, id, null, at));
  if (!file) {
    await none();
    return;
  }
  const incoming = { body: file.body, contentType: file.mimeType, mostBytes, keptForMs: 0 };
  try {
    await keepMedia(context, tenantId, incoming, async (em, { id: mediaId }) => {
      if (!(await savePicture(em, owner, id, mediaId, at))) throw new Problem('not_found', 'The person is gone.');
    });
  } catch (error) {
    if (error instanceof BlobTooLargeError) await none();
    else throw error;
  }
}
