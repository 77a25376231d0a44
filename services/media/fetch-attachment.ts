import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Attachment } from '../../db/entities/messages.ts';
import { attachMedia, deferFetch, endFetch } from '../../db/queries/media/fetches.ts';
import { sealed } from '../../db/sealed.ts';
import { isWorking } from '../../domain/accounts.ts';
import type { CallKind } from '../../domain/call-limits.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { afterFailedFetch } from '../../domain/media.ts';
import type { MediaSource } from '../../domain/seen-messages.ts';
import type { Media, ProviderCall } from '../../providers/provider.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import type { Context } from '../context.ts';
import { BlobTooLargeError } from './blob-store.ts';
import { keepMedia } from './keep-media.ts';

/** How long one fetch may take, in milliseconds. */
const longestMs = 5 * 60_000;

interface AttachmentRef {
  tenantId: string;
  id: string;
}

/** The attachment, or its message, was deleted while its file was on its way. */
class AttachmentGoneError extends Error {
  override readonly name = 'AttachmentGoneError';
}

/**
 * Fetches the file of an attachment from its provider, and stores it; that it cannot be had any more is noted too. Does
 * nothing where either is known. Throws `ProviderFailure` where it may succeed later: the next try is noted then.
 */
export async function fetchAttachment(
  context: Context,
  ref: AttachmentRef,
  kind: CallKind,
  now: () => Date,
  signal: AbortSignal,
): Promise<void> {
  const { tenantId, id } = ref;
  const wanted = await context.db.tenant(tenantId, (em) => em.findOne(Attachment, { id }));
  if (!wanted || wanted.mediaId || wanted.unavailable || wanted.source === null) return;
  try {
    const until = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
    const isHere = await fetchFile(context, wanted, wanted.source, kind, now, until);
    if (!isHere) await context.db.tenant(tenantId, (em) => endFetch(em, id, 'gone'));
  } catch (error) {
    if (error instanceof AttachmentGoneError) return;
    if (error instanceof BlobTooLargeError) {
      await context.db.tenant(tenantId, (em) => endFetch(em, id, 'too_large'));
      return;
    }
    // The process stops: that says nothing of the file.
    signal.throwIfAborted();
    const failure = asFailure(context, wanted, error);
    const failedAt = now();
    const after = afterFailedFetch({
      code: failure.code,
      tries: wanted.fetchTries,
      ageMs: failedAt.getTime() - wanted.createdAt.getTime(),
      retryAfterMs: failure.retryAfterMs,
    });
    await context.db.tenant(tenantId, (em) =>
      'unavailable' in after
        ? endFetch(em, id, after.unavailable)
        : deferFetch(em, id, { tries: after.tries, dueAt: new Date(failedAt.getTime() + after.inMs) }),
    );
    if (!('unavailable' in after)) throw failure;
  }
}

/** False where the provider does not have the file any more. */
async function fetchFile(
  context: Context,
  { id, tenantId, accountId }: Attachment,
  sealedSource: string,
  kind: CallKind,
  now: () => Date,
  signal: AbortSignal,
): Promise<boolean> {
  const { media, call, source } = await context.db.tenant(tenantId, async (em) => {
    const keys = await context.vault.keysOf(em, tenantId);
    return {
      ...(await mediaOf(context, em, accountId, now(), kind)),
      source: JSON.parse(keys.open(sealedSource, sealed.attachmentSource(id))) as MediaSource,
    };
  });
  const file = await media.attachment({ ...call, signal }, source);
  if (file === 'unavailable') return false;
  const mostBytes = context.config.MEDIA_MAX_BYTES;
  if (file.size !== null && file.size > mostBytes) {
    file.body.destroy();
    throw new BlobTooLargeError(mostBytes);
  }
  const incoming = { body: file.body, contentType: file.mimeType, mostBytes, keptForMs: 0 };
  await keepMedia(context, tenantId, incoming, async (em, { id: mediaId }) => {
    if (await attachMedia(em, id, mediaId)) return;
    throw new AttachmentGoneError();
  });
  return true;
}

/** The files of an account's provider. Throws `ProviderFailure` where the account cannot be used. */
export async function mediaOf(
  context: Context,
  em: Em,
  accountId: string,
  at: Date,
  kind: CallKind = 'live',
): Promise<{ media: Media; call: ProviderCall }> {
  const account = await em.findOne(Account, { id: accountId });
  if (!account?.providerAccountId || !isWorking(account))
    throw new ProviderFailure('not_connected', 'The account is not connected.');
  const { provider, call } = await connectionTo(context, em, account, at, account.providerAccountId, kind);
  if (!provider.media) throw new ProviderFailure('unsupported', 'The provider has no files.');
  return { media: provider.media, call };
}

/** A connection that broke while the file came is the provider's; anything else is ours, and passes too. */
function asFailure({ log }: Context, { id, tenantId: tenant, accountId: account }: Attachment, error: unknown) {
  if (error instanceof ProviderFailure) return error;
  log.warn({ attachment: id, account, tenant, err: error }, 'a file could not be stored');
  return new ProviderFailure('provider_unavailable', 'The file did not come to its end.');
}
