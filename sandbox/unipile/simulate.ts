import { ApiError } from '../server/errors.ts';
import type { IncomingMessage, IncomingReaction } from '../server/provider.ts';
import { jidOf, typedPhone } from '../world/whatsapp.ts';
import { attachmentType } from './attachments.ts';
import { addUnlisted, editChat, editMessage, startChat, storeMessage } from './chat-store.ts';
import { chatByProviderId, knownAttendee, messageByAnyId, recipient } from './lookup.ts';
import { chatId, findAttendee, findChat, messageId, type MessageRef } from './ids.ts';
import { chatMessageSources } from './paging.ts';
import type { State } from './state.ts';
import type { Account, AttendeeRef, ChatRef, StoredAttachment } from './types.ts';
import { attendeeFacts } from './views/attendees.ts';
import { chatFacts } from './views/chats.ts';
import { messageFacts, SELF, type MessageFacts } from './views/messages.ts';
import { emitMessage } from './webhooks.ts';

/** While the account is not OK UniPile does not see the channel: the event waits, and is shown and sent later. */
export function whenConnected(account: Account, job: () => object): object {
  const connected = account.status === 'OK';
  if (!connected && !account.identity) throw new ApiError(409, 'this account has not been connected yet');
  const result = account.pendingEvents.run(connected, job);
  return result ?? { waiting: true, reason: `the account is ${account.status}` };
}

/**
 * `from`: an attendee's id, provider id or phone number. `chat`: UniPile's or the provider's id; absent: the one-to-one
 * chat with `from`. `name`: of a person without contact. Several messages are numbered.
 */
export function receiveMessages(state: State, account: Account, incoming: IncomingMessage): object {
  const { text, count, reply_to: replyTo } = incoming;
  if (text === null && incoming.attachments.length === 0) throw new ApiError(400, 'text or attachments is required');
  const person = incoming.from === undefined ? null : personOf(state, account, incoming.from, incoming.name);
  const chat =
    incoming.chat === undefined
      ? startChat(account.store, [person!], null, null)
      : chatOf(state, account, incoming.chat);
  const messages: object[] = [];
  for (let n = 1; n <= count; n++) {
    const message = storeMessage(
      account.store,
      chat,
      {
        text: count === 1 || text === null ? text : `${text} ${n}`,
        from: incoming.own ? null : person,
        attachments: incoming.attachments.map(storedAttachment),
        quoteId: replyTo === undefined ? null : messageId(account, messageOf(account, replyTo)),
        eventType: null,
        lagging: false,
      },
      state.shared.clock.now(),
    );
    const ref: MessageRef = { kind: 'stored', message };
    emitMessage(state, account, ref, 'message_received');
    messages.push({ message_id: messageId(account, ref), provider_message_id: messageFacts(account, ref).providerId });
  }
  return { chat_id: chatId(account, chat), messages };
}

function storedAttachment(one: IncomingMessage['attachments'][number]): StoredAttachment {
  return {
    type: attachmentType(one.mimetype),
    file_name: one.file_name,
    mimetype: one.mimetype,
    bytes: one.unavailable ? null : Buffer.alloc(one.size, 'sandbox '),
  };
}

export function receiveEdit(state: State, account: Account, id: string, text: string): object {
  return change(state, account, id, 'message_edited', ({ state: before }) => {
    if (before.deleted) throw new ApiError(409, 'a deleted message cannot be edited');
    return { text };
  });
}

export const receiveDeletion = (state: State, account: Account, id: string): object =>
  change(state, account, id, 'message_deleted', () => ({ deleted: true }));

function change(
  state: State,
  account: Account,
  id: string,
  event: 'message_edited' | 'message_deleted',
  of: (facts: MessageFacts) => MessageFacts['state'],
): object {
  const ref = messageOf(account, id);
  const facts = messageFacts(account, ref);
  editMessage(account.store, facts.id, of(facts));
  emitMessage(state, account, ref, event);
  return { chat_id: chatId(account, facts.chat), message_id: facts.id };
}

/** For the owner's message: all other members, or `from`. For another's: the owner reads the chat up to it. */
export function receiveReceipt(
  state: State,
  account: Account,
  { message_id: id, status, from }: { message_id: string; status: 'delivered' | 'read'; from?: string | undefined },
): object {
  const ref = messageOf(account, id);
  const facts = messageFacts(account, ref);
  if (facts.sender.kind !== 'self') return readByOwner(state, account, ref, facts, status);
  const { others } = chatFacts(account, facts.chat, state.variants.values);
  const readers = from === undefined ? others : [personOf(state, account, from)];
  if (status === 'read') {
    const at = state.variants.values.seen_by_values === 'date' ? state.shared.clock.iso() : true;
    const seenBy = Object.fromEntries(readers.map((one) => [providerIdOf(state, account, one), at]));
    editMessage(account.store, facts.id, {
      delivered: true,
      seen: true,
      seenBy: { ...facts.state.seenBy, ...seenBy },
    });
  } else editMessage(account.store, facts.id, { delivered: true });
  emitMessage(state, account, ref, status === 'read' ? 'message_read' : 'message_delivered');
  return { chat_id: chatId(account, facts.chat), message_id: facts.id, status };
}

function readByOwner(state: State, account: Account, ref: MessageRef, facts: MessageFacts, status: string): object {
  if (status !== 'read') throw new ApiError(400, 'the owner reads messages of others; only their own are delivered');
  let newer = 0;
  for (const source of chatMessageSources(account, facts.chat)) {
    for (const entries = source(Number.MAX_SAFE_INTEGER); ;) {
      const entry = entries.next();
      if (entry.done || entry.value.ts <= facts.ts) break;
      if (messageFacts(account, entry.value.ref).sender.kind !== 'self') newer++;
    }
  }
  const chat = editChat(account.store, facts.chat);
  chat.unread = Math.min(chat.unread, newer);
  editMessage(account.store, facts.id, { seen: true });
  if (state.variants.values.own_read_webhook) emitMessage(state, account, ref, 'message_read');
  return { chat_id: chatId(account, facts.chat), message_id: facts.id, status, unread: chat.unread };
}

/** One for each person: a new one replaces it, an empty one takes it back. */
export function receiveReaction(
  state: State,
  account: Account,
  { message_id: id, value, from }: IncomingReaction,
): object {
  const ref = messageOf(account, id);
  const facts = messageFacts(account, ref);
  const author = from === 'me' ? SELF : from === undefined ? facts.sender : personOf(state, account, from);
  const sender_id = providerIdOf(state, account, author);
  const others = (facts.state.reactions ?? []).filter((one) => one.sender_id !== sender_id);
  const reaction = { value, sender_id, is_sender: author.kind === 'self' };
  editMessage(account.store, facts.id, { reactions: value === '' ? others : [...others, reaction] });
  emitMessage(state, account, ref, 'message_reaction', { value, author });
  return { chat_id: chatId(account, facts.chat), message_id: facts.id, reaction };
}

const providerIdOf = (state: State, account: Account, ref: AttendeeRef): string =>
  attendeeFacts(account, ref, state.variants.values).providerId;

function messageOf(account: Account, id: string): MessageRef {
  const ref = messageByAnyId(account, id);
  if (!ref) throw new ApiError(404, `no message "${id}" in this account; take its id from a list or a webhook`);
  return ref;
}

/** By UniPile's or the provider's id. Throws 404. */
export function chatOf(state: State, account: Account, id: string): ChatRef {
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

/** By attendee id, provider id or phone number; with a `name` a new person is added for any id. Throws 400. */
export function personOf(state: State, account: Account, id: string, name?: string): AttendeeRef {
  const variants = state.variants.values;
  const phone = account.type === 'WHATSAPP' ? typedPhone(id) : null;
  const providerId = phone === null ? id : jidOf(phone);
  const known = knownAttendee(account, id, variants) ?? knownAttendee(account, providerId, variants);
  if (known) return known;
  try {
    const found = findAttendee(state, id);
    if (found.account === account) return found.ref;
  } catch {
    // Not UniPile's id; it may be a number or a provider id without contact.
  }
  if (name !== undefined) return { kind: 'unlisted', index: addUnlisted(account.store, providerId, name) };
  try {
    return recipient(account, providerId, variants);
  } catch {
    throw new ApiError(400, `"${id}" is no attendee id, provider id or phone number on ${account.type}`);
  }
}
