import { attachmentOf, type GeneratedAttachment } from './generated-chats.ts';
import { encodeId } from './ids.ts';
import type { MessageRef } from './ids.ts';
import type { Account, StoredAttachment } from './types.ts';
import { notes, picture, PICTURE_SIDE, silence } from '../world/media.ts';
import { mix } from '../world/random.ts';

export interface Attachment {
  id: string;
  /** Without its address. */
  view: object;
  mimetype: string;
  /** Null: the file is no longer available. */
  bytes: (() => Buffer) | null;
}

/** Per file, in bytes. */
export const MAX_ATTACHMENT = 26_214_400;

export function attachmentsOf(account: Account, ref: MessageRef): Attachment[] {
  if (ref.kind === 'stored') {
    return ref.message.attachments.map((one, k) => stored(attachmentId(account, ref.message.n, 1 + k), one));
  }
  const { people } = account.store;
  const { kind, index } = ref.chat;
  const type = attachmentOf(people, kind, index, ref.m);
  if (type === null) return [];
  const seed = mix(people.hash, kind === 'single' ? 1 : 2, index, ref.m);
  return [generated(attachmentId(account, seed, 0), type, seed)];
}

/** Unique within a message by `b`. */
function attachmentId(account: Account, b: number, a: number): string {
  return encodeId({ tag: account.tag, kind: 'attachment', a, b: b >>> 0 }, 0);
}

const GENERATED: Record<
  GeneratedAttachment,
  (seed: number) => { mimetype: string; type: string; extra: object; bytes: ((seed: number) => Buffer) | null }
> = {
  img: () => ({
    mimetype: 'image/png',
    type: 'img',
    extra: { size: { width: PICTURE_SIDE, height: PICTURE_SIDE }, sticker: false },
    bytes: picture,
  }),
  audio: (seed) => ({
    mimetype: 'audio/wav',
    type: 'audio',
    extra: { duration: 1 + (seed % 2), voice_note: true },
    bytes: silence,
  }),
  file: (seed) => ({
    mimetype: 'text/plain',
    type: 'file',
    extra: { file_name: `notes-${seed % 1000}.txt` },
    bytes: notes,
  }),
  unavailable: () => ({
    mimetype: 'video/mp4',
    type: 'video',
    extra: { size: { width: 320, height: 240 }, gif: false },
    bytes: null,
  }),
};

function generated(id: string, kind: GeneratedAttachment, seed: number): Attachment {
  const { mimetype, type, extra, bytes } = GENERATED[kind](seed);
  const size = bytes && kind !== 'img' ? { file_size: bytes(seed).length } : {};
  const view = { id, type, unavailable: bytes === null, mimetype, ...size, ...extra };
  return { id, view, mimetype, bytes: bytes && (() => bytes(seed)) };
}

const STORED_EXTRA: Record<StoredAttachment['type'], (one: StoredAttachment) => object> = {
  img: () => ({ size: { width: PICTURE_SIDE, height: PICTURE_SIDE }, sticker: false }),
  video: () => ({ size: { width: 320, height: 240 }, gif: false }),
  audio: ({ voice = false }) => ({ voice_note: voice }),
  file: (one) => ({ file_name: one.file_name }),
};

function stored(id: string, one: StoredAttachment): Attachment {
  const { bytes } = one;
  const size = bytes && { file_size: bytes.length };
  const common = { id, type: one.type, unavailable: bytes === null, mimetype: one.mimetype, ...size };
  return {
    id,
    view: { ...common, ...STORED_EXTRA[one.type](one) },
    mimetype: one.mimetype,
    bytes: bytes && (() => bytes),
  };
}

/** By media type, as the service sorts uploads. */
export function attachmentType(mimetype: string): StoredAttachment['type'] {
  const family = mimetype.split('/')[0];
  return family === 'image' ? 'img' : family === 'video' || family === 'audio' ? family : 'file';
}
