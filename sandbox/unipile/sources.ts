import {
  chatExists,
  countOf,
  firstAtAge,
  firstReaching,
  messageAge,
  messageCount,
  type GeneratedKind,
} from './generated.ts';
import { chatKey, chatState, firstFrom, hasChat } from './mailbox.ts';
import { isGenerated } from './generated.ts';
import { chatId, messageId, type MessageRef } from './refs.ts';
import type { Account, ChatRef } from './types.ts';

/** One entry of a list ordered newest first. */
export interface Entry<T> {
  ts: number;
  id: string;
  account: Account;
  ref: T;
}

/** Gives entries newest first, none newer than `from` (epoch ms); reaching any place costs no walk to it. */
export type Source<T> = (from: number) => Iterator<Entry<T>>;

const KINDS: GeneratedKind[] = ['single', 'group'];

/** All chats of an account: those written in since, and the generated ones. */
export function chatSources(account: Account): Source<ChatRef>[] {
  return [
    (from) => touchedChats(account, from),
    ...KINDS.map((kind) => (from: number) => generatedChats(account, kind, from)),
  ];
}

/** All messages of an account. */
export function messageSources(account: Account): Source<MessageRef>[] {
  return [
    (from) => storedMessages(account, account.mailbox.stored, from),
    ...KINDS.map((kind) => (from: number) => generatedMessages(account, kind, from)),
  ];
}

/** One chat's messages. */
export function chatMessageSources(account: Account, ref: ChatRef): Source<MessageRef>[] {
  const stored = account.mailbox.chats.get(chatKey(ref))?.messages ?? [];
  const sources: Source<MessageRef>[] = [(from) => storedMessages(account, stored, from)];
  if (isGenerated(ref)) sources.push((from) => messagesOfGenerated(account, ref.kind, ref.index, from));
  return sources;
}

/** Some chats of an account, given in any order. */
export function someChats(account: Account, refs: ChatRef[]): Source<ChatRef> {
  const all = refs.map((ref) => ({ ts: chatState(account.mailbox, ref).ts, id: chatId(account, ref), account, ref }));
  const ordered = all.toSorted((a, b) => b.ts - a.ts);
  return (from) => ordered.filter(({ ts }) => ts <= from).values();
}

function* touchedChats(account: Account, from: number): Generator<Entry<ChatRef>> {
  const { mailbox } = account;
  for (let i = firstFrom(mailbox.touched, from + 1) - 1; i >= 0; i--) {
    const { ts, ref } = mailbox.touched[i]!;
    if (hasChat(mailbox, ref)) yield { ts, id: chatId(account, ref), account, ref };
  }
}

function* generatedChats(account: Account, kind: GeneratedKind, from: number): Generator<Entry<ChatRef>> {
  const { mailbox } = account;
  const count = countOf(mailbox.book, kind);
  for (let index = firstAtAge(kind, mailbox.base - from); index < count; index++) {
    const ref: ChatRef = { kind, index };
    if (!chatExists(mailbox.book, kind, index)) continue;
    const { touched, ts } = chatState(mailbox, ref);
    if (!touched) yield { ts, id: chatId(account, ref), account, ref };
  }
}

function* storedMessages(
  account: Account,
  stored: Account['mailbox']['stored'],
  from: number,
): Generator<Entry<MessageRef>> {
  for (let i = firstFrom(stored, from + 1) - 1; i >= 0; i--) {
    const message = stored[i]!;
    const ref: MessageRef = { kind: 'stored', message };
    if (hasChat(account.mailbox, message.chat)) yield { ts: message.ts, id: messageId(account, ref), account, ref };
  }
}

function* generatedMessages(account: Account, kind: GeneratedKind, from: number): Generator<Entry<MessageRef>> {
  const { mailbox } = account;
  const count = countOf(mailbox.book, kind);
  for (let index = firstReaching(kind, mailbox.base - from); index < count; index++) {
    if (chatExists(mailbox.book, kind, index)) yield* messagesOfGenerated(account, kind, index, from);
  }
}

function* messagesOfGenerated(
  account: Account,
  kind: GeneratedKind,
  index: number,
  from: number,
): Generator<Entry<MessageRef>> {
  const { mailbox } = account;
  const count = messageCount(mailbox.book, kind, index);
  for (let m = 0; m < count; m++) {
    const ts = mailbox.base - messageAge(kind, index, m);
    if (ts > from) continue;
    const ref: MessageRef = { kind: 'generated', chat: { kind, index }, m };
    yield { ts, id: messageId(account, ref), account, ref };
  }
}
