import type { SeenAttachment } from '../../domain/seen-messages.ts';
import { epochMs } from '../../domain/webhook-events.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import { amountIn, countIn, flagIn, idIn, nameIn, textIn, webAddressIn } from '../shared/told-values.ts';

const kinds: Readonly<Record<string, SeenAttachment['kind']>> = {
  img: 'image',
  image: 'image',
  video: 'video',
  audio: 'audio',
  file: 'document',
  linkedin_post: 'link',
  video_meeting: 'link',
};

/** The attachments of a message: a list, an object of them by number, or one alone. `messageId` is UniPile's own id. */
export function readAttachments(told: unknown, messageId: string | null): SeenAttachment[] {
  const found = new Map<string, SeenAttachment>();
  for (const [n, item] of itemsOf(told).entries()) {
    const of = asObject(item);
    const one = of && readAttachment(of, n, messageId);
    if (one && !found.has(one.key)) found.set(one.key, one);
  }
  return [...found.values()];
}

function itemsOf(told: unknown): readonly unknown[] {
  if (Array.isArray(told)) return told;
  const of = asObject(told);
  if (!of) return [];
  return idOf(of) !== null || textIn(of['type']) !== null ? [of] : Object.values(of);
}

const idOf = (of: JsonObject): string | null => idIn(of['id']) ?? idIn(of['attachment_id']);

function readAttachment(of: JsonObject, n: number, messageId: string | null): SeenAttachment {
  const id = idOf(of);
  const kind = kindOf(of);
  const size = asObject(of['size']);
  const url = webAddressIn(of['url']);
  return {
    key: id ?? String(n),
    kind,
    mimeType: nameIn(of['mimetype']),
    size: countIn(of['file_size']),
    fileName: nameIn(of['file_name']),
    duration: amountIn(of['duration']),
    width: countIn(size?.['width']),
    height: countIn(size?.['height']),
    voice: flagIn(of['voice_note']) ?? false,
    unavailable: flagIn(of['unavailable']) ?? false,
    url,
    urlExpiresAt: url === null ? null : epochMs(of['url_expires_at']),
    source: kind === 'link' || id === null || messageId === null ? null : { message: messageId, attachment: id },
  };
}

function kindOf(of: JsonObject): SeenAttachment['kind'] {
  if (flagIn(of['sticker'])) return 'sticker';
  const type = textIn(of['type']) ?? '';
  return Object.hasOwn(kinds, type) ? (kinds[type] ?? 'other') : 'other';
}
