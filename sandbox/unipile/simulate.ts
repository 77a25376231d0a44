import { ControlError } from '../server/provider.ts';
import { editMessage, meetStranger, startChat } from './chat-store.ts';
import { chatByProviderId, knownAttendee, messageByAnyId, recipient } from './lookup.ts';
import { chatId, findAttendee, findChat, messageId, type MessageRef } from './refs.ts';
import { write } from './send.ts';
import type { State } from './state.ts';
import type { Account, AttendeeRef, ChatRef, Reaction, StoredAttachment } from './types.ts';
import { messageFacts } from './views/messages.ts';
import { emitMessage, providerIdOf } from './webhooks.ts';

/**
 * Lets something happen at the provider. While the account is not OK, UniPile does not learn of it: it is kept until
 * the account is OK again, and then shown and told.
 */
export function happen(account: Account, job: () => object): object {
  if (account.status === 'OK') return job();
  if (!account.identity) throw new ControlError(409, 'this account has not been connected yet');
  account.missed.push(job);
  return { waiting: true, reason: `the account is ${account.status}` };
}

export interface Incoming {
  /** UniPile's or the provider's id of the chat; absent: the one-to-one chat with the author. */
  chat?: string | undefined;
  /** An attendee's id, provider id or phone number; `me` for the owner at their own phone. */
  from: string;
  /** The author's name, when they are not in the address book. */
  name?: string | undefined;
  text: string | null;
  count: number;
  attachments: StoredAttachment[];
}

/** Somebody writes: stored, and told to the webhooks. Several messages are numbered. */
export function receiveMessages(state: State, account: Account, incoming: Incoming): object {
  const own = incoming.from === 'me';
  const author = own ? null : authorOf(state, account, incoming);
  if (author === null && incoming.chat === undefined) throw new ControlError(400, 'chat is required when from is "me"');
  const chat =
    incoming.chat === undefined
      ? startChat(account.mailbox, [author!], null, null)
      : chatOf(state, account, incoming.chat);
  const messages: object[] = [];
  for (let n = 1; n <= incoming.count; n++) {
    const text = incoming.count === 1 || incoming.text === null ? incoming.text : `${incoming.text} ${n}`;
    const ref = write(state, account, chat, author, { text, attachments: incoming.attachments, quoteId: null });
    emitMessage(state, account, ref, 'message_received');
    messages.push({ message_id: messageId(account, ref), provider_message_id: messageFacts(account, ref).providerId });
  }
  return { chat_id: chatId(account, chat), messages };
}

/** A message of the owner reaches or is read by the other side. */
export function recordReceipt(state: State, account: Account, id: string, status: 'delivered' | 'read'): object {
  const ref = messageOf(account, id);
  const facts = messageFacts(account, ref);
  if (facts.sender.kind !== 'self') throw new ControlError(400, 'only messages of the owner get receipts');
  editMessage(account.mailbox, facts.id, status === 'read' ? { delivered: true, seen: true } : { delivered: true });
  emitMessage(state, account, ref, status === 'read' ? 'message_read' : 'message_delivered');
  return { message_id: facts.id, status };
}

/** Somebody reacts; without `from`, the other side of a one-to-one chat or the message's own author. */
export function recordReaction(
  state: State,
  account: Account,
  { message_id: id, value, from }: { message_id: string; value: string; from?: string | undefined },
): object {
  const ref = messageOf(account, id);
  const facts = messageFacts(account, ref);
  const author: AttendeeRef =
    from === 'me' ? { kind: 'self', index: 0 } : from === undefined ? facts.sender : authorOf(state, account, { from });
  const reaction: Reaction = {
    value,
    sender_id: providerIdOf(state, account, author),
    is_sender: author.kind === 'self',
  };
  editMessage(account.mailbox, facts.id, { reactions: [...(facts.state.reactions ?? []), reaction] });
  emitMessage(state, account, ref, 'message_reaction', reaction);
  return { message_id: facts.id, reaction };
}

function messageOf(account: Account, id: string): MessageRef {
  const ref = messageByAnyId(account, id);
  if (!ref) throw new ControlError(404, `no message "${id}" in this account; take its id from a list or a webhook`);
  return ref;
}

function chatOf(state: State, account: Account, id: string): ChatRef {
  try {
    const found = findChat(state, id);
    if (found.account === account) return found.ref;
  } catch {
    // Not UniPile's id: perhaps the provider's.
  }
  const byProvider = chatByProviderId(account, id, state.variants.values);
  if (byProvider) return byProvider;
  throw new ControlError(404, `no chat "${id}" in this account; take its id from GET /api/v1/chats`);
}

function authorOf(state: State, account: Account, { from, name }: Pick<Incoming, 'from' | 'name'>): AttendeeRef {
  const variants = state.variants.values;
  const known = knownAttendee(account, from, variants);
  if (known) return known;
  try {
    const found = findAttendee(state, from);
    if (found.account === account) return found.ref;
  } catch {
    // Not an id of ours: perhaps a number or a provider id of a stranger.
  }
  const digits = from.replaceAll(/[\s+()-]/g, '');
  const providerId = account.type === 'WHATSAPP' && /^\d{6,15}$/.test(digits) ? `${digits}@s.whatsapp.net` : from;
  if (name !== undefined) return { kind: 'stranger', index: meetStranger(account.mailbox, providerId, name) };
  try {
    return recipient(account, providerId, variants);
  } catch {
    throw new ControlError(400, `from "${from}" is no attendee id, provider id or phone number on ${account.type}`);
  }
}
