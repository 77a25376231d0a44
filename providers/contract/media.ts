import type { Readable } from 'node:stream';
import type { MediaSource } from '../../domain/seen-messages.ts';
import type { ProviderCall } from './call.ts';

/** A file on its way. The reader of `body` ends or destroys it; it fails where the connection breaks or a limit is passed. */
export interface MediaFile {
  body: Readable;
  /** As the answer says, without parameters; null where it does not. */
  mimeType: string | null;
  /** Bytes, as the answer says; null where it does not. */
  size: number | null;
}

/**
 * Verbs over files. Only the provider's own hosts are called, after redirects too, and keys go to its API alone. A source
 * is `SeenAttachment.source`, or a `pictureSource`. All throw `ProviderFailure`.
 */
export interface Media {
  /** `unavailable` where the bytes can no longer be had. An address that has expired is asked for anew. */
  attachment(call: ProviderCall, source: MediaSource): Promise<MediaFile | 'unavailable'>;
  /** The picture of a person or a group; null where there is none to see. */
  picture(call: ProviderCall, source: MediaSource): Promise<MediaFile | null>;
}
