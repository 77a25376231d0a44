import { ageOf, chatExists, isGenerated, messageCount, unreadOf } from './generated-chats.ts';
import type { AttendeeRef, ChatRef, ChatState, Mailbox, MessageState, StartedChat, StoredMessage } from './types.ts';
import { createBook } from '../world/address-book.ts';

/** A generated chat is never younger than this before the account, so that what happens later is newer. */
const BEFORE_ACCOUNT = 60_000;

export function createMailbox(createdAt: number, size: number, seed: string): Mailbox {
  const base = createdAt - BEFORE_ACCOUNT;
  return {
    book: createBook(size, seed),
    base,
    lastTs: base,
    stored: [],
    chats: new Map(),
    touched: [],
    started: [],
    startedWith: new Map(),
    strangers: [],
    strangerByProviderId: new Map(),
    messageStates: new Map(),
  };
}

export const chatKey = (ref: ChatRef): string => `${ref.kind}${ref.index}`;

export function hasChat(box: Mailbox, ref: ChatRef): boolean {
  return isGenerated(ref) ? chatExists(box.book, ref.kind, ref.index) : ref.index < box.started.length;
}

/** What the chat is like now; without side effect, so that reading a large world keeps costing nothing. */
export function chatState(box: Mailbox, ref: ChatRef): ChatState {
  const known = box.chats.get(chatKey(ref));
  if (known) return known;
  const generated = isGenerated(ref);
  return {
    ref,
    ts: generated ? box.base - ageOf(ref.kind, ref.index) : box.lastTs,
    touched: false,
    unread: generated ? unreadOf(box.book, ref.kind, ref.index) : 0,
    archived: false,
    pinned: false,
    mutedUntil: null,
    syncCalls: 0,
    messages: [],
  };
}

/** The chat's state to be changed. */
export function editChat(box: Mailbox, ref: ChatRef): ChatState {
  const state = chatState(box, ref);
  box.chats.set(chatKey(ref), state);
  return state;
}

/** A chat with these attendees; the one that exists, when there is one. */
export function startChat(box: Mailbox, members: AttendeeRef[], subject: string | null, name: string | null): ChatRef {
  const only = members.length === 1 ? members[0]! : null;
  if (only?.kind === 'person') return { kind: 'single', index: only.index };
  const key = members
    .map((m) => `${m.kind}${m.index}`)
    .toSorted()
    .join(' ');
  const known = box.startedWith.get(key);
  if (known !== undefined) return { kind: 'started', index: known };
  const chat: StartedChat = { members, name, subject, group: members.length > 1 };
  const index = box.started.push(chat) - 1;
  box.startedWith.set(key, index);
  return { kind: 'started', index };
}

export type NewMessage = Pick<StoredMessage, 'text' | 'from' | 'attachments' | 'quoteId'>;

/** Adds a message at `now`, or a millisecond after the latest: the times of stored messages strictly rise. */
export function storeMessage(box: Mailbox, ref: ChatRef, message: NewMessage, now: number): StoredMessage {
  const ts = Math.max(now, box.lastTs + 1);
  box.lastTs = ts;
  const stored: StoredMessage = { ...message, n: box.stored.length, chat: ref, ts };
  box.stored.push(stored);

  const state = editChat(box, ref);
  if (state.touched) box.touched.splice(firstFrom(box.touched, state.ts), 1);
  state.ts = ts;
  state.touched = true;
  state.unread = message.from === null ? 0 : state.unread + 1;
  state.messages.push(stored);
  box.touched.push(state);
  return stored;
}

/** How many messages a chat has, stored ones included. */
export function messagesIn(box: Mailbox, ref: ChatRef): number {
  const generated = isGenerated(ref) ? messageCount(box.book, ref.kind, ref.index) : 0;
  return generated + (box.chats.get(chatKey(ref))?.messages.length ?? 0);
}

export function editMessage(box: Mailbox, id: string, change: MessageState): void {
  box.messageStates.set(id, { ...box.messageStates.get(id), ...change });
}

/** The number of a stranger, met now if not before. */
export function meetStranger(box: Mailbox, providerId: string, name: string): number {
  const known = box.strangerByProviderId.get(providerId);
  if (known !== undefined) return known;
  const index = box.strangers.push({ providerId, name }) - 1;
  box.strangerByProviderId.set(providerId, index);
  return index;
}

/** Position of the first entry at or after `ts` in a list ordered by rising time. */
export function firstFrom(list: readonly { ts: number }[], ts: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.ts < ts) low = middle + 1;
    else high = middle;
  }
  return low;
}
