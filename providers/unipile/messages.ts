import type { SeenMessage } from '../../domain/seen-messages.ts';
import { asObject } from '../json-object.ts';
import type {
  MessageRef,
  Messages,
  NewConversation,
  OutgoingAttachment,
  OutgoingContent,
  OutgoingMessage,
  ProviderCall,
  SentMessage,
} from '../provider.ts';
import { orNullIfUnknown } from '../shared/errors.ts';
import { eachOnce, idIn } from '../shared/told-values.ts';
import { refused, requireSendable } from '../shared/outgoing.ts';
import { request } from './client.ts';
import { chatId, conversations, isOf } from './conversations.ts';
import { accountOf, ownId, segment } from './ids.ts';
import { capabilities } from './message-capabilities.ts';
import { findSent } from './messages-find.ts';
import { attendeeId } from './recipients.ts';
import { readMessage } from './seen-messages.ts';

/** POST /chats/{id}/messages; POST /chats for a person. */
async function send(call: ProviderCall, message: OutgoingMessage): Promise<SentMessage> {
  const { to, replyTo, typingMs } = message;
  requireSendable(call, capabilities, message, replyTo !== undefined);
  if (to.kind !== 'conversation') {
    if (replyTo) throw refused('A reply goes to the conversation of the message that it answers.');
    return startConversation(call, { ...message, to: [to] });
  }
  const chat = await chatId(call, to.keys);
  const form = formOf(call, message);
  if (replyTo) form.append('quote_id', nameOf(replyTo));
  if (typingMs && call.channel === 'whatsapp') form.append('typing_duration', String(Math.round(typingMs)));
  const body = asObject(await request(call, 'POST', `/chats/${segment(chat)}/messages`, form));
  return { keys: known(body?.['message_id']), conversationKeys: [chat] };
}

/** POST /chats. With one person it goes on with the chat that there is. */
async function startConversation(call: ProviderCall, conversation: NewConversation): Promise<SentMessage> {
  requireSendable(call, capabilities, conversation, false);
  if (conversation.to.length === 0) throw refused('A conversation needs a recipient.');
  const attendees = [];
  for (const person of conversation.to) attendees.push(await attendeeId(call, person));
  const form = formOf(call, conversation);
  for (const attendee of attendees) form.append('attendees_ids', attendee);
  if (conversation.subject) form.append('subject', conversation.subject);
  const body = asObject(await request(call, 'POST', '/chats', form));
  // On WhatsApp a chat with one person has that person's id.
  const shared = call.channel === 'whatsapp' && attendees.length === 1 ? attendees : [];
  return { keys: known(body?.['message_id']), conversationKeys: [...known(body?.['chat_id']), ...shared] };
}

function formOf(call: ProviderCall, { text, attachments = [] }: OutgoingContent): FormData {
  const form = new FormData();
  form.append('account_id', accountOf(call));
  if (text) form.append('text', text);
  for (const one of attachments) appendFile(form, one);
  return form;
}

function appendFile(form: FormData, one: OutgoingAttachment): void {
  const field = one.kind === 'audio' && one.voice ? 'voice_message' : 'attachments';
  form.append(field, one.bytes, one.fileName ?? one.kind);
}

/** GET /messages/{id}. */
async function one(call: ProviderCall, message: MessageRef): Promise<SeenMessage | null> {
  const found = await orNullIfUnknown(request(call, 'GET', `/messages/${segment(nameOf(message))}`));
  return found && isOf(call, found) ? readMessage(call.channel, found) : null;
}

const markRead = (call: ProviderCall, { conversationKeys }: MessageRef): Promise<void> =>
  conversations.setState(call, conversationKeys, { read: true });

/** UniPile's id of a message, else another of its ids. */
const nameOf = ({ keys }: MessageRef): string => ownId(keys) ?? keys[0] ?? '';

const known = (id: unknown): string[] => eachOnce([idIn(id)]);

export const messages = {
  capabilities,
  send,
  startConversation,
  findSent,
  one,
  markRead,
} satisfies Messages;
