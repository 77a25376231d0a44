import type { DeliveryStatus, SeenMessage } from '../../domain/seen-messages.ts';
import type { EventContent } from '../../domain/webhook-events.ts';
import { idIn, messageTextIn } from '../shared/told-values.ts';
import { isStatusFeed } from '../shared/whatsapp-chats.ts';
import { asObject, field, text, type Json } from './fields.ts';
import { readContent, readReaction, readTime, type Content } from './webhooks-content.ts';
import { personAt, readKey, type MessageKey } from './webhooks-key.ts';
import { attachmentsOf } from './webhooks-media.ts';

/** An item of an event of messages. `sentAt`: when the event was sent, in milliseconds since the epoch, or null. */
export interface Item {
  type: string;
  of: Json | null;
  sentAt: number | null;
}

const other: EventContent = { kind: 'other' };

/** A message; an edit, a deletion or a reaction, which WhatsApp sends as messages too. */
export function messageContent({ type, of, sentAt }: Item): EventContent {
  const key = readKey(of);
  const raw = field(of, 'message');
  const isSend = type === 'message.sent';
  const failed = isSend && field(of, 'success') === false;
  if (isForeign(of, key)) return other;
  const at = readTime(field(of, 'messageTimestamp')) ?? sentAt;
  const content = readContent(asObject(raw), messageTextIn(field(of, 'messageBody')) ?? messageTextIn(raw));
  if (content.kind === 'message' && key.conversationKeys.length) {
    const fromMe = isSend || key.fromMe;
    const direction = fromMe === null ? null : fromMe ? 'out' : 'in';
    const status = failed ? 'failed' : (deliveryOf(text(of, 'status')) ?? 'sent');
    return messageOf(key, content, direction, direction === 'out' ? status : null, at);
  }
  if (failed) return { kind: 'receipt', ...aboutOf(key, at), status: 'failed', by: null };
  return effectOf(key, content, at);
}

function messageOf(
  key: MessageKey,
  { text: shown, message, quotedKey }: Extract<Content, { kind: 'message' }>,
  direction: SeenMessage['direction'],
  status: SeenMessage['status'],
  at: number | null,
): EventContent {
  const { messageKeys, conversationKeys, kind, sender, partner } = key;
  return {
    kind: 'message',
    message: {
      keys: messageKeys,
      conversationKeys,
      direction,
      sender: sender?.keys.length ? sender : null,
      text: shown,
      sentAt: at,
      status,
      deleted: false,
      quotedKey,
      attachments: attachmentsOf(message, messageKeys[0] ?? null),
      reactions: [],
    },
    conversation: { keys: conversationKeys, ...(kind && { kind }), ...(partner && { attendees: [partner] }) },
  };
}

/** What a message does to another one. */
function effectOf(key: MessageKey, content: Content, at: number | null): EventContent {
  if (content.kind === 'none' || content.kind === 'message') return other;
  const about = aboutOf(key, content.at ?? at, content.of);
  switch (content.kind) {
    case 'edit':
      return { kind: 'edit', ...about, text: content.text };
    case 'delete':
      return { kind: 'delete', ...about };
    case 'reaction':
      return { kind: 'reaction', ...about, emoji: content.emoji, by: key.sender };
  }
}

/** `id`: of another message than the key's own. */
const aboutOf = ({ messageKeys, conversationKeys }: MessageKey, at: number | null, id: string | null = null) => ({
  messageKeys: id === null ? messageKeys : [id],
  conversationKeys,
  at,
});

/** Whether an item names no message of a conversation. */
const isForeign = (of: Json | null, { messageKeys }: MessageKey): boolean =>
  messageKeys.length === 0 || isStatusFeed(idIn(field(asObject(field(of, 'key')) ?? of, 'remoteJid')));

/** How far a message has come, or what happened to it. */
export function receiptContent({ of, sentAt }: Item): EventContent {
  const key = readKey(of);
  if (isForeign(of, key)) return other;
  const [receipt, update] = [asObject(field(of, 'receipt')), asObject(field(of, 'update'))];
  const told = readTime(field(receipt, 't')) ?? readTime(field(update, 'messageTimestamp'));
  const at = told ?? readTime(field(of, 'messageTimestamp')) ?? sentAt;
  if (revoked.has(field(update, 'messageStubType'))) return { kind: 'delete', ...aboutOf(key, at) };
  const content = readContent(asObject(field(update, 'message')), null);
  if (content.kind === 'edit' || content.kind === 'delete') return effectOf(key, content, at);
  const status = deliveryOf(text(receipt, 'status') ?? text(update, 'status'));
  return { kind: 'receipt', ...aboutOf(key, at), status, by: personAt(field(receipt, 'userJid')) };
}

/** WhatsApp's number and word for a message that was deleted. */
const revoked = new Set<unknown>([1, 'REVOKE']);

/** The item's key names the message, the reaction's own key the person. */
export function reactionContent({ of, sentAt }: Item): EventContent {
  const key = readKey(of);
  if (isForeign(of, key)) return other;
  const reaction = asObject(field(of, 'reaction'));
  const { emoji, at } = readReaction(reaction);
  const about = aboutOf(key, at ?? sentAt);
  const own = readKey(reaction);
  const conversationKeys = about.conversationKeys.length ? about.conversationKeys : own.conversationKeys;
  return { kind: 'reaction', ...about, conversationKeys, emoji, by: isSameKey(of, reaction) ? null : own.sender };
}

/** The message's key again does not tell who reacted. */
const isSameKey = (item: Json | null, reaction: Json | null): boolean => {
  const [one, two] = [item, reaction].map((of) => asObject(field(of, 'key')));
  return ['id', 'fromMe', 'participant'].every((name) => field(one ?? null, name) === field(two ?? null, name));
};

export function deleteContent({ of, sentAt }: Item): EventContent {
  const key = readKey(of);
  return isForeign(of, key) ? other : { kind: 'delete', ...aboutOf(key, sentAt) };
}

/** By the number that WASender documents. */
const deliveries: readonly DeliveryStatus[] = ['failed', 'pending', 'sent', 'delivered', 'read', 'played'];
/** Words of WASender and of WhatsApp's library. */
const deliveryWords = new Map<string, DeliveryStatus>([
  ...deliveries.map((one) => [one, one] as const),
  ['error', 'failed'],
  ['server_ack', 'sent'],
  ['delivery_ack', 'delivered'],
]);

function deliveryOf(said: string | null): DeliveryStatus | null {
  const status = said?.slice(0, 20).toLowerCase() ?? '';
  return /^[0-5]$/.test(status) ? (deliveries[Number(status)] ?? null) : (deliveryWords.get(status) ?? null);
}
