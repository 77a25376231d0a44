import { attachmentsOf } from '../attachments.ts';
import { messageAge, reactionOf, senderOf, textOf } from '../generated-chats.ts';
import { chatMessageSources } from '../paging.ts';
import { chatId, messageById, messageId, type MessageRef } from '../ids.ts';
import type { Account, AttendeeRef, ChatRef, MessageState, Reaction, StoredMessage } from '../types.ts';
import { attachmentView } from '../media.ts';
import type { State } from '../state.ts';
import { attendeeFacts } from './attendees.ts';
import { chatFacts, chatView } from './chats.ts';
import { mix } from '../../world/random.ts';

export interface MessageFacts {
  id: string;
  providerId: string;
  chat: ChatRef;
  ts: number;
  /** Of the latest edit; a deleted message keeps it. */
  text: string | null;
  sender: AttendeeRef;
  quoteId: string | null;
  eventType: StoredMessage['eventType'];
  state: MessageState;
}

export const SELF: AttendeeRef = { kind: 'self', index: 0 };

export function messageFacts(account: Account, ref: MessageRef): MessageFacts {
  const id = messageId(account, ref);
  const { store } = account;
  const state = store.messageStates.get(id) ?? {};
  if (ref.kind === 'stored') {
    const { chat, ts, text, from, n, quoteId, eventType } = ref.message;
    return {
      id,
      providerId: providerMessageId(account, account.tag, n),
      chat,
      ts,
      text: state.text ?? text,
      sender: from ?? SELF,
      quoteId,
      eventType,
      state,
    };
  }
  const { kind, index } = ref.chat;
  const sender = senderOf(store.people, kind, index, ref.m);
  return {
    id,
    providerId: providerMessageId(account, mix(store.people.hash, kind === 'single' ? 1 : 2, index), ref.m),
    chat: ref.chat,
    ts: store.base - messageAge(kind, index, ref.m),
    text: state.text ?? textOf(store.people, kind, index, ref.m),
    sender: sender === null ? SELF : { kind: 'person', index: sender },
    quoteId: null,
    eventType: null,
    // Old messages were delivered and read.
    state: { seen: true, delivered: true, reactions: generatedReactions(account, ref), ...state },
  };
}

/** What a reader sees of a message, in lists and webhooks alike. */
export function shownContent(
  state: State,
  account: Account,
  ref: MessageRef,
): { text: string | null; attachments: object[] } {
  const facts = messageFacts(account, ref);
  if (facts.state.deleted && state.variants.values.deleted_text === 'null') return { text: null, attachments: [] };
  const attachments = attachmentsOf(account, ref).map((one) => attachmentView(state, facts.id, one));
  return { text: facts.text, attachments };
}

export function messageView(state: State, account: Account, ref: MessageRef): object {
  const variants = state.variants.values;
  const facts = messageFacts(account, ref);
  const sender = attendeeFacts(account, facts.sender, variants);
  const own = facts.sender.kind === 'self';
  const { seen, seenBy, delivered, reactions, deleted, text: edited } = facts.state;
  return {
    object: 'Message',
    id: facts.id,
    account_id: account.id,
    chat_id: chatId(account, facts.chat),
    chat_provider_id: chatFacts(account, facts.chat, variants).providerId,
    provider_id: facts.providerId,
    sender_id: sender.providerId,
    sender_attendee_id: sender.id,
    ...shownContent(state, account, ref),
    timestamp: new Date(facts.ts).toISOString(),
    is_sender: own ? 1 : 0,
    reactions: reactions ?? [],
    seen: seen ? 1 : 0,
    seen_by: seenBy ?? {},
    hidden: 0,
    deleted: deleted ? 1 : 0,
    edited: edited === undefined ? 0 : 1,
    is_event: facts.eventType === null ? 0 : 1,
    ...(facts.eventType !== null && { event_type: facts.eventType }),
    delivered: !own || delivered ? 1 : 0,
    behavior: null,
    original: JSON.stringify({ key: { id: facts.providerId, fromMe: own } }),
    ...(facts.quoteId !== null && { quoted: quotedView(state, account, facts.quoteId) }),
  };
}

export function quotedView(state: State, account: Account, id: string): object | null {
  const ref = messageById(account, id);
  if (!ref) return null;
  const facts = messageFacts(account, ref);
  const sender = attendeeFacts(account, facts.sender, state.variants.values);
  return { provider_id: facts.providerId, sender_id: sender.providerId, ...shownContent(state, account, ref) };
}

function generatedReactions(account: Account, ref: MessageRef): Reaction[] {
  if (ref.kind === 'stored') return [];
  const { people } = account.store;
  const value = reactionOf(people, ref.chat.kind, ref.chat.index, ref.m);
  const own = senderOf(people, ref.chat.kind, ref.chat.index, ref.m) !== null;
  return value !== null && own ? [{ value, sender_id: account.identity?.providerId ?? '', is_sender: true }] : [];
}

/** WhatsApp's are upper-case hexadecimal, other channels' are longer. */
function providerMessageId(account: Account, a: number, b: number): string {
  const hex = [mix(a, b, 1), mix(a, b, 2)].map((part) => part.toString(16).padStart(8, '0')).join('');
  return account.type === 'WHATSAPP' ? `3EB0${hex.toUpperCase()}` : `2-${Buffer.from(hex).toString('base64url')}`;
}

export function wholeChatView(state: State, account: Account, ref: ChatRef): object {
  return { ...chatView(account, ref, state.variants.values), lastMessage: lastMessage(state, account, ref) };
}

function lastMessage(state: State, account: Account, ref: ChatRef): object | null {
  for (const source of chatMessageSources(account, ref)) {
    const first = source(Number.MAX_SAFE_INTEGER).next();
    if (!first.done) return messageView(state, account, first.value.ref);
  }
  return null;
}
