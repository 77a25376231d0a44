import type { Conversation, ConversationMessage } from '../server/provider.ts';
import { jidOf } from '../world/whatsapp.ts';
import { findIdentity, isGroup, requireIdentity } from './identity.ts';
import type { ChatState, Session, State, StoredMessage } from './state.ts';
import { emit } from './webhooks.ts';

const NEW_CHAT: ChatState = { unread: 0, ts: null, archived: false, pinned: false, mutedUntil: null };

/** Entries of chats and groups, as an event has them. */
export const chatsData = (state: State, entries: object[]): unknown =>
  state.variants.values.chats_shape === 'object' && entries.length === 1 ? entries[0] : entries;

/** A private chat is addressed as its contact is listed, or by variant always by number or LID. */
export function chatAddress(state: State, session: Session, jid: string): string {
  const { chat_addressing: form } = state.variants.values;
  const identity = form === 'contact' ? null : findIdentity(session.contacts, jid);
  if (!identity) return jid;
  return form === 'lid' ? identity.lid : jidOf(identity.phone);
}

/** One person's private chat is one chat, by number and by LID: here it has the number's JID. */
export function chatKey({ contacts }: Session, jid: string): string {
  const identity = findIdentity(contacts, jid);
  return identity ? jidOf(identity.phone) : jid;
}

/** Counts it, and sends the chat's event. */
export function addToChat(state: State, session: Session, { jid, from, ts }: StoredMessage): void {
  const key = chatKey(session, jid);
  const before = session.chats.get(key);
  const isUnread = from !== null && !session.settings.read_incoming_messages;
  const chat = { ...NEW_CHAT, ...before, ts, unread: isUnread ? (before?.unread ?? 0) + 1 : 0 };
  session.chats.set(key, chat);
  const event = before && before.ts !== null ? 'chats.update' : 'chats.upsert';
  const entry = { id: chatAddress(state, session, jid), conversationTimestamp: Math.floor(ts / 1000) };
  emit(state, session, event, chatsData(state, [{ ...entry, unreadCount: chat.unread }]));
}

/** The owner reads the chat, up to this message. */
export function readUpTo(state: State, session: Session, { jid, ts }: StoredMessage): void {
  const key = chatKey(session, jid);
  const later = session.messages.slice(session.messages.findLastIndex((one) => one.ts <= ts) + 1);
  const newer = later.filter((one) => one.from !== null && chatKey(session, one.jid) === key).length;
  const chat = session.chats.get(key);
  if (!chat || chat.unread <= newer) return;
  chat.unread = newer;
  const id = chatAddress(state, session, jid);
  emit(state, session, 'chats.update', chatsData(state, [{ id, unreadCount: newer }]));
}

/** At the phone. */
export function changeChat(
  state: State,
  session: Session,
  body: {
    chat: string;
    read?: boolean | undefined;
    archived?: boolean | undefined;
    pinned?: boolean | undefined;
    muted?: boolean | string | undefined;
    deleted?: true | undefined;
  },
): object {
  const isPrivate = !isGroup(body.chat) && !body.chat.endsWith('@newsletter');
  const jid = isPrivate ? requireIdentity(session.contacts, body.chat).jid : body.chat;
  const id = chatAddress(state, session, jid);
  const key = chatKey(session, jid);
  if (body.deleted) {
    session.chats.delete(key);
    emit(state, session, 'chats.delete', [id]);
    return { session: session.id, chat_id: key, deleted: true };
  }
  const chat = { ...NEW_CHAT, ...session.chats.get(key) };
  session.chats.set(key, chat);
  if (body.read !== undefined) chat.unread = body.read ? 0 : Math.max(1, chat.unread);
  if (body.muted !== undefined) chat.mutedUntil = typeof body.muted === 'string' ? body.muted : body.muted ? -1 : null;
  chat.archived = body.archived ?? chat.archived;
  chat.pinned = body.pinned ?? chat.pinned;
  const entry = {
    id,
    ...(body.read !== undefined && { unreadCount: body.read ? 0 : -1 }),
    ...(body.muted !== undefined && { muteEndTime: muteEnd(chat.mutedUntil) }),
    ...(body.archived !== undefined && { archived: chat.archived }),
    ...(body.pinned !== undefined && { pinned: chat.pinned }),
  };
  emit(state, session, 'chats.update', chatsData(state, [entry]));
  return { session: session.id, chat_id: key, ...chat };
}

const muteEnd = (until: ChatState['mutedUntil']): number | null =>
  typeof until === 'string' ? Date.parse(until) : until;

const WORDS = ['failed', 'pending', 'sent', 'delivered', 'read', 'played'] as const;

export function conversationsOf(session: Session): Conversation[] {
  const byChat = Map.groupBy(session.messages, ({ jid }) => chatKey(session, jid));
  return [...byChat].map(([key, messages]) => {
    const { unread, archived, pinned, mutedUntil } = session.chats.get(key) ?? NEW_CHAT;
    return {
      chat_id: key,
      provider_chat_id: messages.at(-1)!.jid,
      group: isGroup(key),
      unread,
      archived,
      pinned,
      muted_until: mutedUntil,
      messages: messages.map(conversationMessage),
    };
  });
}

function conversationMessage(message: StoredMessage): ConversationMessage {
  const { msgId, keyId, from, body, ts, status, edited, deleted, reactions } = message;
  return {
    message_id: String(msgId),
    provider_message_id: keyId,
    from,
    text: deleted ? null : body,
    timestamp: new Date(ts).toISOString(),
    status: from === null ? WORDS[status] : null,
    edited,
    deleted,
    reactions: [...reactions].map(([by, value]) => ({ from: by === '' ? null : by, value })),
  };
}
