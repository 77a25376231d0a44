import type { MediaSource, SeenAttachment } from '../../domain/seen-messages.ts';
import { amountIn, countIn, nameIn } from '../shared/told-values.ts';
import { asObject, field, wholeNumber, type Json } from './fields.ts';

const kinds: readonly (readonly [name: string, kind: SeenAttachment['kind']])[] = [
  ['imageMessage', 'image'],
  ['videoMessage', 'video'],
  ['ptvMessage', 'video'],
  ['audioMessage', 'audio'],
  ['documentMessage', 'document'],
  ['stickerMessage', 'sticker'],
];

/** What `POST /decrypt-media` needs of a media block; the rest, such as a small picture, is left out. */
const sourceFields = [
  'url',
  'directPath',
  'mediaKey',
  'mediaKeyTimestamp',
  'mimetype',
  'fileSha256',
  'fileEncSha256',
  'fileLength',
  'fileName',
] as const;
/** Of one such field as JSON, in characters. */
const longestField = 4_096;

/** The files of a raw message; `id` is the message's own. */
export const attachmentsOf = (message: Json | null, id: string | null): SeenAttachment[] =>
  kinds.flatMap(([name, kind]) => {
    const block = asObject(field(message, name));
    return block ? [attachmentOf(name, kind, block, id)] : [];
  });

function attachmentOf(name: string, kind: SeenAttachment['kind'], block: Json, id: string | null): SeenAttachment {
  return {
    key: name,
    kind,
    mimeType: nameIn(field(block, 'mimetype')),
    size: countIn(wholeNumber(field(block, 'fileLength')) ?? field(block, 'fileLength')),
    fileName: nameIn(field(block, 'fileName')) ?? nameIn(field(block, 'title')),
    duration: amountIn(field(block, 'seconds')),
    width: countIn(field(block, 'width')),
    height: countIn(field(block, 'height')),
    voice: field(block, 'ptt') === true,
    unavailable: false,
    // The block's own address leads to encrypted bytes.
    url: null,
    urlExpiresAt: null,
    source: sourceOf(name, block, id),
  };
}

/** The message as `POST /decrypt-media` takes it; null without the key of the file. */
function sourceOf(name: string, block: Json, id: string | null): MediaSource | null {
  const kept = sourceFields.flatMap((one) => {
    const value = field(block, one);
    return value !== undefined && value !== null && isShort(value) ? [[one, value] as const] : [];
  });
  const source = Object.fromEntries(kept);
  return source['mediaKey'] === undefined ? null : { key: { id }, message: { [name]: source } };
}

const isShort = (value: unknown): boolean => JSON.stringify(value).length <= longestField;
