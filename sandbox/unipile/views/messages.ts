import { attachmentsOf } from '../attachments.ts';
import { messageAge, reactionOf, senderOf, textOf } from '../generated-chats.ts';
import { chatMessageSources } from '../paging.ts';
import { chatId, messageById, messageId, type MessageRef } from '../ids.ts';
import type { Account, AttendeeRef, ChatRef, MessageState, Reaction } from '../types.ts';
import type { UnipileVariants } from '../variants.ts';
import { attendeeFacts } from './attendees.ts';
import { chatFacts, chatView } from './chats.ts';
import { mix } from '../../world/random.ts';

export interface MessageFacts {
  id: string;
  providerId: string;
  chat: ChatRef;
  ts: number;
  text: string | null;
  sender: AttendeeRef;
  quoteId: string | null;
  state: MessageState;
}

export const SELF: AttendeeRef = { kind: 'self', index: 0 };

export function messageFacts(account: Account, ref: MessageRef): MessageFacts {
  const id = messageId(account, ref);
  const { store } = account;
  const state = store.messageStates.get(id) ?? {};
  if (ref.kind === 'stored') {
    const { chat, ts, text, from, n, quoteId } = ref.message;
    return {
      id,
      providerId: providerMessageId(account, account.tag, n),
      chat,
      ts,
      text,
      sender: from ?? SELF,
      quoteId,
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
    text: textOf(store.people, kind, index, ref.m),
    sender: sender === null ? SELF : { kind: 'person', index: sender },
    quoteId: null,
    // Old messages were delivered and read.
    state: { seen: true, delivered: true, reactions: generatedReactions(account, ref), ...state },
  };
}

export function messageView(account: Account, ref: MessageRef, variants: UnipileVariants): object {
  const facts = messageFacts(account, ref);
  const sender = attendeeFacts(account, facts.sender, variants);
  const own = facts.sender.kind === 'self';
  const { state } = facts;
  return {
    object: 'Message',
    id: facts.id,
    account_id: account.id,
    chat_id: chatId(account, facts.chat),
    chat_provider_id: chatFacts(account, facts.chat, variants).providerId,
    provider_id: facts.providerId,
    sender_id: sender.providerId,
    sender_attendee_id: sender.id,
    text: facts.text,
    timestamp: new Date(facts.ts).toISOString(),
    is_sender: own ? 1 : 0,
    attachments: attachmentsOf(account, ref).map((one) => one.view),
    reactions: state.reactions ?? [],
    seen: state.seen ? 1 : 0,
    seen_by: state.seenBy ?? {},
    hidden: 0,
    deleted: 0,
    edited: 0,
    is_event: 0,
    delivered: !own || state.delivered ? 1 : 0,
    behavior: null,
    original: JSON.stringify({ key: { id: facts.providerId, fromMe: own } }),
    ...(facts.quoteId !== null && quoted(account, facts.quoteId, variants)),
  };
}

function quoted(account: Account, id: string, variants: UnipileVariants): object {
  const ref = messageById(account, id);
  if (!ref) return {};
  const facts = messageFacts(account, ref);
  const sender = attendeeFacts(account, facts.sender, variants);
  return { quoted: { provider_id: facts.providerId, sender_id: sender.providerId, text: facts.text, attachments: [] } };
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

export function wholeChatView(account: Account, ref: ChatRef, variants: UnipileVariants): object {
  return { ...chatView(account, ref, variants), lastMessage: lastMessage(account, ref, variants) };
}

function lastMessage(account: Account, ref: ChatRef, variants: UnipileVariants): object | null {
  for (const source of chatMessageSources(account, ref)) {
    const first = source(Number.MAX_SAFE_INTEGER).next();
    if (!first.done) return messageView(account, first.value.ref, variants);
  }
  return null;
}
