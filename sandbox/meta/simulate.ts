import { ApiError } from '../server/errors.ts';
import type { IncomingMessage, IncomingReaction } from '../server/provider.ts';
import { actedNow, addMessage, contactFor, messageOf, threadWith } from './chats.ts';
import type { State } from './state.ts';
import type { Asset, Attachment, DeliveryStatus, Message, Thread } from './types.ts';
import { emit, type Item } from './webhooks/emit.ts';
import { deliveryItem, editItem, messageItem, reactionItem, readItem, unsendItem } from './webhooks/items.ts';
import {
  changeItem,
  incomingItem,
  incomingReactionItem,
  phoneEchoItem,
  statusItem,
  type StatusError,
} from './webhooks/whatsapp-items.ts';

/** From a person, or written in the account's own inbox. Several messages are numbered, and sent in batches. */
export function receiveMessages(state: State, asset: Asset, incoming: IncomingMessage): object {
  const thread = threadNamed(state, asset, incoming);
  const { attachments, reply_to: replyTo, count, own } = incoming;
  if (replyTo !== undefined) messageOf(state, asset, replyTo);
  const items: Item[] = [];
  const messages: Message[] = [];
  for (let n = 1; n <= count; n++) {
    const text = count > 1 ? `${incoming.text ?? ''} ${n}`.trim() : incoming.text;
    const message = addMessage(state, asset, thread, {
      from: own ? 'account' : 'contact',
      text,
      attachments: attachments.map((one) => fileOf(state, one)),
      replyTo: replyTo ?? null,
      status: own ? 'sent' : 'delivered',
    });
    messages.push(message);
    items.push(newItem(state, asset, thread, message));
  }
  thread.isLive = true;
  emit(state, asset, items);
  return { account_id: asset.id, chat_id: thread.id, messages: messages.map(({ id }) => ({ message_id: id })) };
}

function threadNamed(state: State, asset: Asset, { chat, from, name }: IncomingMessage): Thread {
  if (chat === undefined) return threadWith(state, asset, contactFor(asset, from!, name));
  const known = state.world.threads.get(chat);
  if (known && known.asset !== asset) throw new ApiError(404, `no chat "${chat}" in ${asset.id}`);
  return known?.thread ?? threadWith(state, asset, contactFor(asset, chat, name));
}

function newItem(state: State, asset: Asset, thread: Thread, message: Message): Item {
  if (asset.channel !== 'whatsapp') return messageItem(state, asset, thread, message);
  return message.from === 'account'
    ? phoneEchoItem(state, asset, thread, message)
    : incomingItem(state, asset, thread, message);
}

function fileOf(state: State, one: IncomingMessage['attachments'][number]): Attachment {
  const family = one.mimetype.split('/')[0]!;
  const plain = family === 'image' || family === 'video' || family === 'audio' ? family : 'file';
  return {
    id: String(1_000_000_000_000_000 + state.world.nextId++),
    kind: one.mimetype === 'image/webp' ? 'sticker' : plain,
    mimetype: one.mimetype,
    fileName: one.file_name,
    bytes: one.unavailable ? null : Buffer.alloc(one.size, 'sandbox '),
  };
}

const changed = (asset: Asset, thread: Thread, message: Message): object => ({
  account_id: asset.id,
  chat_id: thread.id,
  message_id: message.id,
});

export function editMessage(state: State, asset: Asset, id: string, text: string): object {
  const { thread, message } = messageOf(state, asset, id);
  message.text = text;
  message.edits++;
  thread.isLive = true;
  const item =
    asset.channel === 'whatsapp'
      ? changeItem(state, asset, thread, message, { id: changeId(state), isDeleted: false })
      : editItem(state, asset, thread, message);
  emit(state, asset, [item]);
  return changed(asset, thread, message);
}

/** Messenger sends no webhook for it. */
export function deleteMessage(state: State, asset: Asset, id: string): object {
  const { thread, message } = messageOf(state, asset, id);
  message.deleted = true;
  thread.isLive = true;
  if (asset.channel === 'whatsapp') {
    emit(state, asset, [changeItem(state, asset, thread, message, { id: changeId(state), isDeleted: true })]);
  } else if (asset.channel === 'instagram') emit(state, asset, [unsendItem(state, asset, thread, message)]);
  return changed(asset, thread, message);
}

/** WhatsApp gives changes ids of their own. */
const changeId = (state: State): string =>
  `wamid.${Buffer.from(`change ${state.world.nextId++} of the sandbox`).toString('base64')}`;

/** Of the contact, or with `from: 'me'` of the account in its own inbox, which WhatsApp does not tell. */
export function receiveReaction(state: State, asset: Asset, { message_id, value, from }: IncomingReaction): object {
  const { thread, message } = messageOf(state, asset, message_id);
  const by = from === 'me' ? 'account' : 'contact';
  if (value === '') message.reactions.delete(by);
  else message.reactions.set(by, value);
  thread.isLive = true;
  if (by === 'contact') actedNow(state, thread);
  if (asset.channel !== 'whatsapp')
    emit(state, asset, [reactionItem(state, asset, thread, message, { emoji: value, by })]);
  else if (by === 'contact') {
    emit(state, asset, [incomingReactionItem(state, asset, thread, message, { emoji: value, id: changeId(state) })]);
  }
  return { ...changed(asset, thread, message), value };
}

const RANK: Record<DeliveryStatus, number> = { accepted: 0, sent: 1, delivered: 2, read: 3, played: 4, failed: 5 };

/** Of an own message; of a contact's, the account has read the thread up to it. A status is sent again when it is asked for again. */
export function receiveReceipt(
  state: State,
  asset: Asset,
  {
    message_id,
    status,
    error,
  }: { message_id: string; status: Exclude<DeliveryStatus, 'accepted'>; error?: StatusError | undefined },
): object {
  const { thread, message } = messageOf(state, asset, message_id);
  thread.isLive = true;
  if (message.from === 'contact') {
    thread.unread = 0;
    return changed(asset, thread, message);
  }
  if (asset.channel === 'whatsapp') {
    if (RANK[status] > RANK[message.status]) message.status = status;
    const problem = error ?? { code: 131_026, title: 'Message undeliverable', details: 'Message Undeliverable.' };
    emit(state, asset, [statusItem(state, asset, thread, message, status, status === 'failed' ? problem : undefined)]);
    return changed(asset, thread, message);
  }
  if (status !== 'delivered' && status !== 'read')
    throw new ApiError(400, `a ${asset.channel} message takes delivered or read`);
  for (const one of thread.messages) {
    if (one.from === 'account' && one.ts <= message.ts && RANK[status] > RANK[one.status]) one.status = status;
  }
  if (status === 'read') emit(state, asset, [readItem(state, asset, thread, message)]);
  // Instagram tells what was read, not what was delivered.
  else if (asset.channel === 'messenger') emit(state, asset, [deliveryItem(state, asset, thread, message)]);
  return changed(asset, thread, message);
}
