import { ProviderFailure } from '../../domain/failures.ts';
import type {
  MessageRef,
  Messages,
  OutgoingAttachment,
  OutgoingMessage,
  ProviderCall,
  Recipient,
  SentMessage,
} from '../provider.ts';
import { withoutEffect } from '../shared/errors.ts';
import { webAddressIn } from '../shared/told-values.ts';
import { refused, requireSendable } from '../shared/outgoing.ts';
import { asObject, field, text, type Json } from './fields.ts';
import { askSession, dataOf } from './client.ts';
import { toJid } from './ids.ts';
import { capabilities } from './message-capabilities.ts';
import { idsOf, isNumber, nameOf, one } from './message-info.ts';
import { findSent } from './messages-find.ts';
import { fileFields } from './message-log.ts';
import { chatJid, recipient } from './recipients.ts';

/** POST /send-message, after POST /upload where there is a file. */
async function send(call: ProviderCall, message: OutgoingMessage): Promise<SentMessage> {
  const { to, text: words, attachments = [], replyTo } = message;
  requireSendable(call, capabilities, message, replyTo !== undefined);
  const [attachment] = attachments;
  const body: Json = {
    to: recipient(to),
    ...(words && { text: words }),
    ...(attachment && (await fileOf(call, attachment))),
    ...(replyTo && { replyTo: await numberOf(call, replyTo) }),
  };
  const data = asObject(dataOf(await askSession(call, 'POST', '/send-message', { body })));
  const [number, jid] = [text(data, 'msgId'), text(data, 'jid')];
  return {
    keys: number === null ? [] : [number],
    conversationKeys: jid === null ? [] : [toJid(jid) ?? jid],
  };
}

async function fileOf(call: ProviderCall, attachment: OutgoingAttachment): Promise<Json> {
  return {
    [fileFields[attachment.kind]]: await upload(call, attachment.bytes),
    ...(attachment.fileName && { fileName: attachment.fileName }),
  };
}

/** POST /upload; the address is valid for a day. Nothing has been sent when it fails. */
async function upload(call: ProviderCall, bytes: Blob): Promise<string> {
  const body = await withoutEffect(askSession(call, 'POST', '/upload', { body: bytes }));
  const url = webAddressIn(field(asObject(dataOf(body)), 'publicUrl') ?? field(body, 'publicUrl'));
  if (url === null)
    throw new ProviderFailure('provider_unavailable', 'WASender took a file and told no address of it.');
  return url;
}

/** The number that WASender gave a message; asked for where WhatsApp's id alone is known. */
async function numberOf(call: ProviderCall, message: MessageRef): Promise<number> {
  const told = message.keys.find(isNumber) ?? (await one(call, message))?.keys.find(isNumber);
  if (told === undefined) throw refused('WASender gave this message no number, so that it cannot be answered.');
  return Number(told);
}

/** PUT /messages/{msgId}, within a short time of sending. */
async function edit(call: ProviderCall, message: MessageRef, words: string): Promise<void> {
  requireSendable(call, capabilities, { text: words }, false);
  await askSession(call, 'PUT', `/messages/${nameOf(message)}`, { body: { text: words } });
}

/** DELETE /messages/{msgId}, within a short time of sending. */
async function remove(call: ProviderCall, message: MessageRef): Promise<void> {
  await askSession(call, 'DELETE', `/messages/${nameOf(message)}`);
}

/** POST /messages/read, which takes WhatsApp's id. */
async function markRead(call: ProviderCall, { keys, conversationKeys }: MessageRef): Promise<void> {
  const id = keys.find((key) => !isNumber(key));
  if (id === undefined) throw refused("WhatsApp's id of this message is not known.");
  const key = { id, remoteJid: chatJid(conversationKeys), fromMe: false };
  await askSession(call, 'POST', '/messages/read', { body: { key } });
}

const presences = { writing: 'composing', recording: 'recording', stopped: 'paused' } as const;

/** POST /send-presence-update. */
async function typing(call: ProviderCall, to: Recipient, activity: keyof typeof presences): Promise<void> {
  const jid = to.kind === 'conversation' ? chatJid(to.keys) : chatJid([recipient(to)]);
  await askSession(call, 'POST', '/send-presence-update', { body: { jid, type: presences[activity] } });
}

export const messages = {
  capabilities,
  send,
  findSent,
  one,
  idsOf,
  edit,
  remove,
  markRead,
  typing,
} satisfies Messages;
