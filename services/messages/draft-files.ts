import { findMedia, type StoredMedia } from '../../db/queries/media/media.ts';
import type { Em } from '../../db/connect.ts';
import {
  kindOfFile,
  largestFile,
  type AttachmentKind,
  type FileOutline,
  type MessageCapabilities,
} from '../../domain/message-capabilities.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { isId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { BlobTooLargeError } from '../media/blob-store.ts';
import { keepMedia } from '../media/keep-media.ts';
import { knownType } from '../media/keep-upload.ts';
import { Problem } from '../problem.ts';

/** A file as a caller names it: one that is stored, or one at an address of the internet. */
export interface DraftFile {
  mediaId?: string | undefined;
  url?: string | undefined;
  /** Absent: by its type. */
  kind?: AttachmentKind | undefined;
  fileName?: string | undefined;
  isVoice?: boolean | undefined;
}

/** A stored file as it is to be sent. */
export interface ReadyFile extends FileOutline {
  media: StoredMedia;
  fileName: string | null;
  isVoice: boolean;
}

/** Together, for all files of a message; a twin under the same Idempotency-Key waits for as long. In milliseconds. */
const fetchForMs = 20_000;
/** How long a fetched file stays where its message is not written after all. */
const keptForMs = 60 * 60_000;

/** Stores the files that are at addresses. 422 where one cannot be had within 20 seconds, or is too large. */
export async function fetchFiles(
  context: Context,
  tenantId: string,
  capabilities: MessageCapabilities,
  files: readonly DraftFile[],
  gone: AbortSignal,
): Promise<DraftFile[]> {
  const signal = AbortSignal.any([gone, AbortSignal.timeout(fetchForMs)]);
  const fetched: DraftFile[] = [];
  for (const [n, file] of files.entries()) {
    const { url, ...rest } = file;
    if (url === undefined) {
      fetched.push(file);
      continue;
    }
    const most = (file.kind && capabilities.attachments[file.kind]?.maxBytes) ?? largestFile(capabilities);
    const mediaId = await fetchFile(context, tenantId, url, most, signal).catch((error: unknown) => {
      throw problemOf(`attachments.${n}.url`, error, signal);
    });
    fetched.push({ ...rest, fileName: file.fileName ?? nameIn(url), mediaId });
  }
  return fetched;
}

async function fetchFile(
  context: Context,
  tenantId: string,
  url: string,
  mostBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const { body, mimeType, size } = await context.fetchFile(url, signal);
  if (size !== null && size > mostBytes) {
    body.destroy();
    throw new BlobTooLargeError(mostBytes);
  }
  const quota = context.config.MEDIA_QUOTA_BYTES;
  const incoming = { body, contentType: knownType(mimeType), mostBytes, keptForMs, quota };
  return keepMedia(context, tenantId, incoming, (_em, { id }) => Promise.resolve(id));
}

function problemOf(field: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return new Problem('invalid_request', `${field}: The file did not come in time.`);
  const isRefused = error instanceof BlobTooLargeError || error instanceof ProviderFailure;
  return isRefused ? new Problem('invalid_request', `${field}: ${error.message}`) : error;
}

/** The name that an address ends with, where it looks like one of a file. */
function nameIn(url: string): string | undefined {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  return /^[\w.-]{1,100}\.[a-z0-9]{1,8}$/i.test(last) ? last : undefined;
}

/** The stored files that are named, as they are to be sent. 422 for one that is not there, or no longer. */
export async function readyFiles(
  em: Em,
  capabilities: MessageCapabilities,
  files: readonly DraftFile[],
): Promise<ReadyFile[]> {
  const ready: ReadyFile[] = [];
  for (const [n, file] of files.entries()) {
    const media = file.mediaId !== undefined && isId(file.mediaId) ? await findMedia(em, file.mediaId) : null;
    if (!media) throw new Problem('invalid_request', `attachments.${n}.media_id: names no file that is stored.`);
    const mimeType = media.contentType ?? 'application/octet-stream';
    const kind = file.kind ?? kindOfFile(capabilities, { size: media.size, mimeType });
    const { fileName = null, isVoice = false } = file;
    ready.push({ media, kind, mimeType, size: media.size, fileName, isVoice: isVoice && kind === 'audio' });
  }
  return ready;
}
