import type { SeenAttachment } from '../../domain/seen-messages.ts';
import { asAmount, asCount, asFlag, asId } from '../shared/json-fields.ts';
import { asObject, field, text, type Json } from './fields.ts';

/** What WhatsApp's own content of a message says. */
export interface SeenContent {
  text: string | null;
  quotedKey: string | null;
  attachments: SeenAttachment[];
}

/** Contents that hold another one. */
const wrappers = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'editedMessage',
];
const mostWrappers = 5;

/** Contents with a file, which WhatsApp keeps encrypted: WASender decrypts it. */
const files = [
  ['imageMessage', 'image'],
  ['videoMessage', 'video'],
  ['audioMessage', 'audio'],
  ['documentMessage', 'document'],
  ['stickerMessage', 'sticker'],
] as const;

/** Contents of another kind, and the field that names what they show. */
const others = [
  ['contactMessage', 'displayName'],
  ['locationMessage', 'name'],
  ['pollCreationMessage', 'name'],
  ['pollCreationMessageV3', 'name'],
] as const;

/** The content of a message that `id` names on WhatsApp. */
export function readContent(id: string | null, content: unknown): SeenContent {
  const of = unwrapped(asObject(content));
  const attachments = [...filesIn(id, of), ...othersIn(of)];
  const parts = [of, ...Object.values(of ?? {})].map(asObject).filter((one) => one !== null);
  const first = (...names: string[]): string | null =>
    parts.flatMap((part) => names.map((name) => text(part, name))).find((one) => one !== null) ?? null;
  const quoted = parts
    .map((part) => asId(field(asObject(field(part, 'contextInfo')), 'stanzaId')))
    .find((one) => one !== null);
  return { text: first('conversation', 'text', 'caption'), quotedKey: quoted ?? null, attachments };
}

function unwrapped(content: Json | null): Json | null {
  let of = content;
  for (let depth = 0; depth < mostWrappers; depth += 1) {
    const inner = wrappers
      .map((name) => asObject(field(asObject(field(of, name)), 'message')))
      .find((one) => one !== null);
    if (!inner) return of;
    of = inner;
  }
  return of;
}

function filesIn(id: string | null, content: Json | null): SeenAttachment[] {
  return files.flatMap(([name, kind]) => {
    const of = asObject(field(content, name));
    if (!of) return [];
    const isEncrypted = text(of, 'mediaKey') !== null;
    return [
      {
        ...nothing,
        key: name,
        kind,
        mimeType: text(of, 'mimetype'),
        size: asCount(field(of, 'fileLength')),
        fileName: text(of, 'fileName') ?? text(of, 'title'),
        duration: asAmount(field(of, 'seconds')),
        width: asCount(field(of, 'width')),
        height: asCount(field(of, 'height')),
        voice: asFlag(field(of, 'ptt')) === true,
        source: isEncrypted ? { id, message: { [name]: of } } : null,
      },
    ];
  });
}

const othersIn = (content: Json | null): SeenAttachment[] =>
  others.flatMap(([name, title]) => {
    const of = asObject(field(content, name));
    return of ? [{ ...nothing, key: name, kind: 'other' as const, fileName: text(of, title) }] : [];
  });

/** The address in the content is of the encrypted file: it is none to call. */
const nothing = {
  mimeType: null,
  size: null,
  fileName: null,
  duration: null,
  width: null,
  height: null,
  voice: false,
  unavailable: false,
  url: null,
  urlExpiresAt: null,
  source: null,
} satisfies Partial<SeenAttachment>;
