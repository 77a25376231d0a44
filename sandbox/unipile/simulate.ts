import { ApiError } from '../server/errors.ts';
import type { IncomingMessage } from '../server/provider.ts';
import { jidOf, typedPhone } from '../world/whatsapp.ts';
import { editMessage, addUnlisted, startChat } from './chat-store.ts';
import { chatByProviderId, knownAttendee, messageByAnyId, recipient } from './lookup.ts';
import { chatId, findAttendee, findChat, messageId, type MessageRef } from './ids.ts';
import { storeMessageRef } from './send.ts';
import type { State } from './state.ts';
import type { Account, AttendeeRef, ChatRef, Reaction, StoredAttachment } from './types.ts';
import { messageFacts } from './views/messages.ts';
import { emitMessage, providerIdOf } from './webhooks.ts';

/** While the account is not OK UniPile does not see the channel: the event waits, and is shown and sent later. */
export function whenConnected(account: Account, job: () => object): object {
  const connected = account.status === 'OK';
  if (!connected && !account.identity) throw new ApiError(409, 'this account has not been connected yet');
  const result = account.pendingEvents.run(connected, job);
  return result ?? { waiting: true, reason: `the account is ${account.status}` };
}

/**
 * `from`: an attendee's id, provider id or phone number, or `me` for the owner at their own phone. `chat`: UniPile's or
 * the provider's id; absent: the one-to-one chat with the author. `name`: of an author without contact.
 */
type Incoming = Omit<IncomingMessage, 'attachments'> & { attachments: StoredAttachment[] };

/** Several messages are numbered. */
export function receiveMessages(state: State, account: Account, incoming: Incoming): object {
  const own = incoming.from === 'me';
  const author = own ? null : authorOf(state, account, incoming);
  if (author === null && incoming.chat === undefined) throw new ApiError(400, 'chat is required when from is "me"');
  const chat =
    incoming.chat === undefined
      ? startChat(account.store, [author!], null, null)
      : chatOf(state, account, incoming.chat);
  const messages: object[] = [];
  for (let n = 1; n <= incoming.count; n++) {
    const text = incoming.count === 1 || incoming.text === null ? incoming.text : `${incoming.text} ${n}`;
    const ref = storeMessageRef(state, account, chat, author, {
      text,
      attachments: incoming.attachments,
      quoteId: null,
    });
    emitMessage(state, account, ref, 'message_received');
    messages.push({ message_id: messageId(account, ref), provider_message_id: messageFacts(account, ref).providerId });
  }
  return { chat_id: chatId(account, chat), messages };
}

export function receiveReceipt(state: State, account: Account, id: string, status: 'delivered' | 'read'): object {
  const ref = messageOf(account, id);
  const facts = messageFacts(account, ref);
  if (facts.sender.kind !== 'self') throw new ApiError(400, 'only messages of the owner get receipts');
  editMessage(account.store, facts.id, status === 'read' ? { delivered: true, seen: true } : { delivered: true });
  emitMessage(state, account, ref, status === 'read' ? 'message_read' : 'message_delivered');
  return { message_id: facts.id, status };
}

/** Without `from`, the message's own author reacts. */
export function receiveReaction(
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
  editMessage(account.store, facts.id, { reactions: [...(facts.state.reactions ?? []), reaction] });
  emitMessage(state, account, ref, 'message_reaction', reaction);
  return { message_id: facts.id, reaction };
}

function messageOf(account: Account, id: string): MessageRef {
  const ref = messageByAnyId(account, id);
  if (!ref) throw new ApiError(404, `no message "${id}" in this account; take its id from a list or a webhook`);
  return ref;
}

function chatOf(state: State, account: Account, id: string): ChatRef {
  try {
    const found = findChat(state, id);
    if (found.account === account) return found.ref;
  } catch {
    // Not UniPile's id; it may be the provider's.
  }
  const byProvider = chatByProviderId(account, id, state.variants.values);
  if (byProvider) return byProvider;
  throw new ApiError(404, `no chat "${id}" in this account; take its id from GET /api/v1/chats`);
}

function authorOf(state: State, account: Account, { from, name }: Pick<Incoming, 'from' | 'name'>): AttendeeRef {
  const variants = state.variants.values;
  const known = knownAttendee(account, from, variants);
  if (known) return known;
  try {
    const found = findAttendee(state, from);
    if (found.account === account) return found.ref;
  } catch {
    // Not UniPile's id; it may be a number or a provider id without contact.
  }
  const phone = account.type === 'WHATSAPP' ? typedPhone(from) : null;
  const providerId = phone === null ? from : jidOf(phone);
  if (name !== undefined) return { kind: 'unlisted', index: addUnlisted(account.store, providerId, name) };
  try {
    return recipient(account, providerId, variants);
  } catch {
    throw new ApiError(400, `from "${from}" is no attendee id, provider id or phone number on ${account.type}`);
  }
}
