import { hasChat, messagesIn } from './chat-store.ts';
import { notFound } from './errors.ts';
import { chatExists, type GeneratedKind, isGenerated, messageCount } from './generated-chats.ts';
import { decodeId, encodeId } from './ids.ts';
import { resolveId, type State } from './state.ts';
import type { Account, AttendeeRef, ChatRef, StoredMessage } from './types.ts';
import { exists } from '../world/address-book.ts';

/** A message: one of the generated, or a stored one. */
export type MessageRef =
  | { kind: 'generated'; chat: ChatRef & { kind: GeneratedKind }; m: number }
  | { kind: 'stored'; message: StoredMessage };

export function chatId(account: Account, ref: ChatRef): string {
  return encodeId({ tag: account.tag, kind: ref.kind, a: ref.index, b: 0 }, account.mailbox.book.hash);
}

export function attendeeId(account: Account, ref: AttendeeRef): string {
  return encodeId({ tag: account.tag, kind: ref.kind, a: ref.index, b: 0 }, account.mailbox.book.hash);
}

export function messageId(account: Account, ref: MessageRef): string {
  const { hash } = account.mailbox.book;
  if (ref.kind === 'stored')
    return encodeId({ tag: account.tag, kind: 'stored_message', a: 0, b: ref.message.n }, hash);
  return encodeId({ tag: account.tag, kind: `${ref.chat.kind}_message`, a: ref.chat.index, b: ref.m }, hash);
}

/** Throws 404. */
export function findChat(state: State, id: string): { account: Account; ref: ChatRef } {
  const { account, parts } = resolveId(state, id, 'Chat');
  if (parts.kind === 'single' || parts.kind === 'group' || parts.kind === 'started') {
    const ref: ChatRef = { kind: parts.kind, index: parts.a };
    if (hasChat(account.mailbox, ref) && hasContent(account, ref)) return { account, ref };
  }
  throw notFound('Chat');
}

/** Throws 404. */
export function findAttendee(state: State, id: string): { account: Account; ref: AttendeeRef } {
  const { account, parts } = resolveId(state, id, 'Attendee');
  const { mailbox } = account;
  const there =
    (parts.kind === 'person' && exists(mailbox.book, parts.a)) ||
    (parts.kind === 'stranger' && parts.a < mailbox.strangers.length) ||
    (parts.kind === 'self' && account.identity !== null);
  if (!there) throw notFound('Attendee');
  return { account, ref: { kind: parts.kind as AttendeeRef['kind'], index: parts.a } };
}

/** Throws 404. */
export function findMessage(state: State, id: string): { account: Account; ref: MessageRef } {
  const { account } = resolveId(state, id, 'Message');
  const ref = messageById(account, id);
  if (!ref) throw notFound('Message');
  return { account, ref };
}

/** A chat that was only prepared has no message yet and is not shown. */
function hasContent(account: Account, ref: ChatRef): boolean {
  return isGenerated(ref) || messagesIn(account.mailbox, ref) > 0;
}

/** A message of this account by UniPile's id; null when there is none. */
export function messageById(account: Account, id: string): MessageRef | null {
  const parts = decodeId(id, () => account.mailbox.book.hash);
  if (!parts || parts.tag !== account.tag) return null;
  const { mailbox } = account;
  if (parts.kind === 'stored_message') {
    const message = mailbox.stored[parts.b];
    return message ? { kind: 'stored', message } : null;
  }
  if (parts.kind !== 'single_message' && parts.kind !== 'group_message') return null;
  const kind = parts.kind === 'single_message' ? 'single' : 'group';
  const there = chatExists(mailbox.book, kind, parts.a) && parts.b < messageCount(mailbox.book, kind, parts.a);
  return there ? { kind: 'generated', chat: { kind, index: parts.a }, m: parts.b } : null;
}
