import type { SeenMessage } from '../../domain/seen-messages.ts';
import { messageTextIn } from '../shared/told-values.ts';
import { deliveryOf } from './delivery.ts';
import { asObject, field, text } from './fields.ts';
import { readContent, readTime } from './webhooks-content.ts';
import { readKey } from './webhooks-key.ts';
import { attachmentsOf } from './webhooks-media.ts';

/** A message with its key, as `GET /messages/{msgId}/info` shows it; null for what has no id. */
export function readMessage(entry: unknown): SeenMessage | null {
  const of = asObject(entry);
  const { messageKeys: keys, conversationKeys, fromMe, sender } = readKey(of);
  if (!of || keys.length === 0) return null;
  const content = readContent(asObject(field(of, 'message')), messageTextIn(field(of, 'messageBody')));
  const isWhole = content.kind === 'message';
  return {
    keys,
    conversationKeys,
    direction: fromMe === null ? null : fromMe ? 'out' : 'in',
    sender: sender?.keys.length ? sender : null,
    text: isWhole || content.kind === 'edit' ? content.text : null,
    sentAt: readTime(field(of, 'messageTimestamp')),
    status: fromMe === true ? deliveryOf(text(of, 'status')) : null,
    ...(content.kind === 'edit' && { editedAt: content.at }),
    deleted: false,
    quotedKey: isWhole ? content.quotedKey : null,
    attachments: isWhole ? attachmentsOf(content.message, keys[0] ?? null) : [],
    reactions: [],
  };
}
