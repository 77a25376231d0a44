import { sharedFileUrl } from '../files.ts';
import type { State } from '../state.ts';
import type { Attachment, InstagramAccount, Message, Page, Thread } from '../types.ts';
import type { Item } from './emit.ts';

type Inbox = Page | InstagramAccount;

/** Messenger's names of the common reactions. */
const REACTION_NAMES: Record<string, string> = {
  '❤️': 'love',
  '❤': 'love',
  '😂': 'smile',
  '😆': 'smile',
  '😮': 'wow',
  '😢': 'sad',
  '😠': 'angry',
  '👍': 'like',
  '👎': 'dislike',
};

const sides = (asset: Inbox, thread: Thread, from: Message['from']): object =>
  from === 'account'
    ? { sender: { id: asset.id }, recipient: { id: thread.contact.key } }
    : { sender: { id: thread.contact.key }, recipient: { id: asset.id } };

/** A new message: of the contact, or the echo of one that the account wrote. */
export function messageItem(state: State, asset: Inbox, thread: Thread, message: Message): Item {
  const isEcho = message.from === 'account';
  const quoted = message.replyTo === null ? null : state.world.messages.get(message.replyTo)?.message;
  const body = {
    mid: message.id,
    ...(isEcho && { is_echo: true, ...(asset.channel === 'messenger' && { app_id: appNumber(message.appId) }) }),
    ...(isEcho && message.metadata !== null && { metadata: message.metadata }),
    ...(message.text !== null && { text: message.text }),
    ...(message.attachments.length > 0 && {
      attachments: message.attachments.map((one) => attachmentItem(state, asset, one)),
    }),
    ...(quoted && { reply_to: { mid: quoted.id, is_self_reply: quoted.from === message.from } }),
  };
  const field = isEcho && asset.channel === 'messenger' ? 'message_echoes' : 'messages';
  return {
    field,
    time: message.ts,
    messaging: { ...sides(asset, thread, message.from), timestamp: message.ts, message: body },
  };
}

/** Of the app that sent by API; Meta's own inbox has this one. */
const META_INBOX = '263902037430900';
const appNumber = (appId: string | null): string => appId ?? META_INBOX;

/** Stickers have a type of their own on Messenger alone. */
function attachmentItem(state: State, asset: Inbox, one: Attachment): object {
  const url = sharedFileUrl(state, 'attachment', one.id);
  if (one.kind !== 'sticker') return { type: one.kind, payload: { url } };
  return asset.channel === 'messenger'
    ? { type: 'sticker', payload: { url, sticker_id: 369239263222822 } }
    : { type: 'image', payload: { url } };
}

export function editItem(state: State, asset: Inbox, thread: Thread, message: Message): Item {
  const time = state.shared.clock.now();
  const isInstagram = asset.channel === 'instagram';
  const edit = { mid: message.id, text: message.text, num_edit: isInstagram ? String(message.edits) : message.edits };
  const field = isInstagram ? 'message_edit' : 'message_edits';
  return { field, time, messaging: { ...sides(asset, thread, message.from), timestamp: time, message_edit: edit } };
}

/** Instagram alone tells an unsent message. */
export function unsendItem(state: State, asset: Inbox, thread: Thread, message: Message): Item {
  const time = state.shared.clock.now();
  const body = { mid: message.id, is_deleted: true, ...(message.from === 'account' && { is_echo: true }) };
  return {
    field: 'messages',
    time,
    messaging: { ...sides(asset, thread, message.from), timestamp: time, message: body },
  };
}

/** An empty `emoji`: it is taken back. */
export function reactionItem(
  state: State,
  asset: Inbox,
  thread: Thread,
  message: Message,
  { emoji, by }: { emoji: string; by: Message['from'] },
): Item {
  const time = state.shared.clock.now();
  const named = { reaction: REACTION_NAMES[emoji] ?? 'other', emoji };
  const reaction = { mid: message.id, action: emoji === '' ? 'unreact' : 'react', ...(emoji !== '' && named) };
  return { field: 'message_reactions', time, messaging: { ...sides(asset, thread, by), timestamp: time, reaction } };
}

export function readItem(state: State, asset: Inbox, thread: Thread, message: Message): Item {
  const time = state.shared.clock.now();
  const isInstagram = asset.channel === 'instagram';
  const read = isInstagram ? { mid: message.id } : { watermark: message.ts };
  return {
    field: isInstagram ? 'messaging_seen' : 'message_reads',
    time,
    messaging: { ...sides(asset, thread, 'contact'), timestamp: time, read },
  };
}

/** Messenger alone; as in its sample, without a timestamp. */
export function deliveryItem(state: State, asset: Inbox, thread: Thread, message: Message): Item {
  return {
    field: 'message_deliveries',
    time: state.shared.clock.now(),
    messaging: { ...sides(asset, thread, 'contact'), delivery: { mids: [message.id], watermark: message.ts } },
  };
}

export function postbackItem(
  state: State,
  asset: Inbox,
  thread: Thread,
  postback: { mid: string; title: string; payload: string },
): Item {
  const time = state.shared.clock.now();
  return {
    field: 'messaging_postbacks',
    time,
    messaging: { ...sides(asset, thread, 'contact'), timestamp: time, postback },
  };
}
