import { ageOf, chatExists, isGenerated, messageCount, unreadOf } from './generated-chats.ts';
import type { AttendeeRef, ChatRef, ChatState, ChatStore, MessageState, StartedChat, StoredMessage } from './types.ts';
import { createPeople } from '../world/generated-people.ts';

/** Generated chats end this long before the account's creation: later messages are newer. In milliseconds. */
const BEFORE_ACCOUNT = 60_000;

export function createChatStore(createdAt: number, size: number, seed: string): ChatStore {
  const base = createdAt - BEFORE_ACCOUNT;
  return {
    people: createPeople(size, seed),
    base,
    lastTs: base,
    stored: [],
    chats: new Map(),
    recentChats: [],
    started: [],
    startedByMembers: new Map(),
    unlisted: [],
    unlistedByProviderId: new Map(),
    messageStates: new Map(),
  };
}

export const chatKey = (ref: ChatRef): string => `${ref.kind}${ref.index}`;

export function hasChat(store: ChatStore, ref: ChatRef): boolean {
  if (store.chats.get(chatKey(ref))?.deleted) return false;
  return isGenerated(ref) ? chatExists(store.people, ref.kind, ref.index) : ref.index < store.started.length;
}

/** Reading stores nothing: a large world costs no memory. */
export function chatState(store: ChatStore, ref: ChatRef): ChatState {
  const known = store.chats.get(chatKey(ref));
  if (known) return known;
  const generated = isGenerated(ref);
  return {
    ref,
    ts: generated ? store.base - ageOf(ref.kind, ref.index) : store.lastTs,
    hasStored: false,
    unread: generated ? unreadOf(store.people, ref.kind, ref.index) : 0,
    archived: false,
    pinned: false,
    readOnly: false,
    deleted: false,
    mutedUntil: null,
    syncCalls: 0,
    messages: [],
  };
}

/** Stores the state: changes to it stay. */
export function editChat(store: ChatStore, ref: ChatRef): ChatState {
  const state = chatState(store, ref);
  store.chats.set(chatKey(ref), state);
  return state;
}

/** The chat with these attendees, created where there is none. */
export function startChat(
  store: ChatStore,
  members: AttendeeRef[],
  subject: string | null,
  name: string | null,
): ChatRef {
  const only = members.length === 1 ? members[0]! : null;
  if (only?.kind === 'person') return { kind: 'single', index: only.index };
  const key = members
    .map((m) => `${m.kind}${m.index}`)
    .toSorted()
    .join(' ');
  const known = store.startedByMembers.get(key);
  if (known !== undefined) return { kind: 'started', index: known };
  const ref = openChat(store, { members, name, subject, group: members.length > 1, channel: false });
  store.startedByMembers.set(key, ref.index);
  return ref;
}

/** Another chat each time. */
export function openChat(store: ChatStore, chat: StartedChat): ChatRef {
  return { kind: 'started', index: store.started.push(chat) - 1 };
}

export type NewMessage = Omit<StoredMessage, 'n' | 'chat' | 'ts'>;

/** `now`, or a millisecond after the latest event: times strictly rise. */
export function nextTs(store: ChatStore, now: number): number {
  store.lastTs = Math.max(now, store.lastTs + 1);
  return store.lastTs;
}

export function storeMessage(store: ChatStore, ref: ChatRef, message: NewMessage, now: number): StoredMessage {
  const ts = nextTs(store, now);
  const stored: StoredMessage = { ...message, n: store.stored.length, chat: ref, ts };
  store.stored.push(stored);

  const state = editChat(store, ref);
  if (state.hasStored) store.recentChats.splice(firstFrom(store.recentChats, state.ts), 1);
  state.ts = ts;
  state.hasStored = true;
  state.deleted = false;
  if (message.eventType === null) state.unread = message.from === null ? 0 : state.unread + 1;
  state.messages.push(stored);
  store.recentChats.push(state);
  return stored;
}

export function messagesIn(store: ChatStore, ref: ChatRef): number {
  const generated = isGenerated(ref) ? messageCount(store.people, ref.kind, ref.index) : 0;
  return generated + (store.chats.get(chatKey(ref))?.messages.length ?? 0);
}

export function editMessage(store: ChatStore, id: string, change: MessageState): void {
  store.messageStates.set(id, { ...store.messageStates.get(id), ...change });
}

export function addUnlisted(store: ChatStore, providerId: string, name: string): number {
  const known = store.unlistedByProviderId.get(providerId);
  if (known !== undefined) return known;
  const index = store.unlisted.push({ providerId, name }) - 1;
  store.unlistedByProviderId.set(providerId, index);
  return index;
}

/** The first position at or after `ts` in a list by rising time. */
export function firstFrom(list: readonly { ts: number }[], ts: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.ts < ts) low = middle + 1;
    else high = middle;
  }
  return low;
}
