import type { SeenAttachment } from '../../domain/seen-messages.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { asAmount, asCount, asFlag, asId, asText, asTime, asWebUrl } from '../shared/json-fields.ts';

/** More attachments of one message than any channel takes. */
const mostAttachments = 100;

const kinds: Readonly<Record<string, SeenAttachment['kind']>> = {
  img: 'image',
  video: 'video',
  audio: 'audio',
  file: 'document',
  linkedin_post: 'link',
};

/** The attachments of a message, which `message` names at UniPile: a list, or an object of them. */
export function readAttachments(message: string | null, listed: unknown): SeenAttachment[] {
  const object = asObject(listed);
  const entries = object ? Object.values(object) : asList(listed);
  return entries.slice(0, mostAttachments).flatMap((entry, n) => readAttachment(message, asObject(entry), n) ?? []);
}

function readAttachment(message: string | null, of: JsonObject | null, n: number): SeenAttachment | null {
  if (!of) return null;
  const id = asId(of['id']);
  const kind = kindOf(asText(of['type']) ?? '', asFlag(of['sticker']) === true);
  const size = asObject(of['size']);
  const unavailable = asFlag(of['unavailable']) === true;
  return {
    key: id ?? String(n),
    kind,
    mimeType: asText(of['mimetype']),
    size: asCount(of['file_size']),
    fileName: asText(of['file_name']),
    duration: asAmount(of['duration']),
    width: asCount(size?.['width']),
    height: asCount(size?.['height']),
    voice: asFlag(of['voice_note']) === true,
    unavailable,
    url: asWebUrl(of['url']),
    urlExpiresAt: asTime(of['url_expires_at']),
    source: message === null || id === null || kind === 'link' ? null : { message, attachment: id },
  };
}

const kindOf = (type: string, isSticker: boolean): SeenAttachment['kind'] =>
  isSticker ? 'sticker' : Object.hasOwn(kinds, type) ? (kinds[type] ?? 'other') : 'other';
