import { epochMs } from '../../domain/webhook-events.ts';
import { emojiIn, idIn } from '../shared/told-values.ts';
import { asObject, field, wholeNumber, type Json } from './fields.ts';
import { textOf } from './webhooks-text.ts';

/** Around a raw message; the message stands under `message`. */
const wrappers = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'deviceSentMessage',
  'groupMentionedMessage',
  'editedMessage',
] as const;
const mostWrapped = 10;

/** Parts of a raw message that are no content; in lower case, without underscores. */
const noContent = new Set([
  'messagecontextinfo',
  'protocolmessage',
  'senderkeydistributionmessage',
  'fastratchetkeysenderkeydistributionmessage',
  'reactionmessage',
  'encreactionmessage',
  'pollupdatemessage',
  'keepinchatmessage',
  'pininchatmessage',
  'placeholdermessage',
]);

/** What a raw message does. `of`: the id of another message; null: of the message that carries it. */
export type Content =
  | { kind: 'message'; text: string | null; message: Json | null; quotedKey: string | null }
  | { kind: 'edit'; of: string | null; text: string | null; at: number | null }
  | { kind: 'delete'; of: string | null; at: number | null }
  | { kind: 'reaction'; of: string; emoji: string | null; at: number | null }
  | { kind: 'none' };

/** Reads WhatsApp's raw message; `body` is the text that WASender tells beside it. */
export function readContent(raw: Json | null, body: string | null): Content {
  const { message, isEdit } = unwrap(raw);
  const protocol = asObject(field(message, 'protocolMessage'));
  if (protocol) return protocolContent(protocol, body);
  const reaction = asObject(field(message, 'reactionMessage'));
  const reacted = idIn(field(asObject(field(reaction, 'key')), 'id'));
  if (reacted !== null) return { kind: 'reaction', of: reacted, ...readReaction(reaction) };
  const text = body ?? textOf(message);
  if (isEdit) return { kind: 'edit', of: null, text, at: null };
  if (body === null && !hasContent(message)) return { kind: 'none' };
  return { kind: 'message', text, message, quotedKey: quotedKey(message) };
}

export const readReaction = (reaction: Json | null) => ({
  emoji: emojiIn(field(reaction, 'text')),
  at: readTime(field(reaction, 'senderTimestampMs')),
});

function unwrap(raw: Json | null): { message: Json | null; isEdit: boolean } {
  let message = raw;
  let isEdit = false;
  for (let n = 0; n < mostWrapped; n += 1) {
    const name = wrappers.find((one) => innerOf(message, one) !== null);
    if (!name) break;
    isEdit ||= name === 'editedMessage';
    message = innerOf(message, name);
  }
  return { message, isEdit };
}

const innerOf = (message: Json | null, wrapper: string): Json | null =>
  asObject(field(asObject(field(message, wrapper)), 'message'));

/** WhatsApp's numbers and words for what a protocol message does; others are of no interest. */
const protocols = new Map<unknown, 'delete' | 'edit'>([
  [0, 'delete'],
  ['REVOKE', 'delete'],
  [14, 'edit'],
  ['MESSAGE_EDIT', 'edit'],
]);

function protocolContent(protocol: Json, body: string | null): Content {
  const kind = protocols.get(field(protocol, 'type'));
  const of = idIn(field(asObject(field(protocol, 'key')), 'id'));
  const at = readTime(field(protocol, 'timestampMs'));
  if (of === null || !kind) return { kind: 'none' };
  if (kind === 'delete') return { kind, of, at };
  return { kind, of, text: body ?? textOf(unwrap(asObject(field(protocol, 'editedMessage'))).message), at };
}

const hasContent = (message: Json | null): boolean =>
  Object.entries(message ?? {}).some(
    ([name, value]) => value !== null && value !== '' && !noContent.has(name.replaceAll('_', '').toLowerCase()),
  );

function quotedKey(message: Json | null): string | null {
  for (const part of Object.values(message ?? {})) {
    const quoted = idIn(field(asObject(field(asObject(part), 'contextInfo')), 'stanzaId'));
    if (quoted !== null) return quoted;
  }
  return null;
}

/** A time, whatever its spelling. */
export const readTime = (value: unknown): number | null => epochMs(wholeNumber(value) ?? value);
