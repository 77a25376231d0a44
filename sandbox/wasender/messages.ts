import { randomBytes } from 'node:crypto';
import { chatAddress, addToChat } from './chats.ts';
import { notFound } from './errors.ts';
import { jidOf } from '../world/whatsapp.ts';
import { findIdentity, isGroup } from './identity.ts';
import type { DeliveryStatus, Session, State, StoredMessage } from './state.ts';
import { emit } from './webhooks.ts';

export function storeMessage(
  state: State,
  session: Session,
  message: Pick<StoredMessage, 'jid' | 'from' | 'pushName' | 'content' | 'body' | 'status' | 'log'>,
): StoredMessage {
  // Times strictly rise, so that the order of messages is clear.
  const now = Math.max(state.shared.clock.now(), (session.messages.at(-1)?.ts ?? 0) + 1);
  const stored: StoredMessage = {
    ...message,
    reactions: new Map(),
    edited: false,
    reactedTs: 0,
    msgId: state.nextMsgId++,
    keyId: newKeyId(),
    ts: now,
    editedTs: now,
    deleted: false,
  };
  session.messages.push(stored);
  session.byMessageId.set(String(stored.msgId), stored).set(stored.keyId, stored);
  return stored;
}

export const newKeyId = (): string => `3EB0${randomBytes(8).toString('hex').toUpperCase()}`;

/** By the service's number or WhatsApp's id. Throws 404. */
export function getMessage(session: Session, id: string): StoredMessage {
  const found = session.byMessageId.get(id);
  if (!found || found.deleted) throw notFound('Message');
  return found;
}

const KINDS = [
  { suffix: '@g.us', event: 'messages-group.received', ignored: 'ignore_groups' },
  { suffix: '@newsletter', event: 'messages-newsletter.received', ignored: 'ignore_channels' },
  { suffix: '', event: 'messages-personal.received', ignored: null },
] as const;

export function emitMessage(state: State, session: Session, message: StoredMessage): void {
  const { upsert_repeats } = state.variants.values;
  const kind = KINDS.find(({ suffix }) => message.jid.endsWith(suffix))!;
  if (kind.ignored && session.settings[kind.ignored]) return;
  addToChat(state, session, message);
  const view = messageView(state, session, message);
  if (message.from !== null) {
    for (const event of ['messages.received', kind.event] as const) emit(state, session, event, { messages: view });
    if (!upsert_repeats && (session.settings.webhook_events ?? []).includes('messages.received')) return;
  }
  emit(state, session, 'messages.upsert', upserted(state, view));
}

const WORDS = ['error', 'pending', 'sent', 'delivered', 'read', 'played'] as const;

/** Sends the events: the status, and from `delivered` on a receipt. `from`: the JID of a group's member. */
export function moveStatus(
  state: State,
  session: Session,
  message: StoredMessage,
  status: DeliveryStatus,
  from: string = message.jid,
): void {
  if (status === 0 || status > message.status) message.status = status;
  const { update_status, receipt_shape } = state.variants.values;
  const key = messageKey(state, session, message);
  const update = { status: update_status === 'numbers' ? status : WORDS[status] };
  emit(state, session, 'messages.update', changes(state, key, update));
  if (status < 3) return;
  const t = Math.floor(state.shared.clock.now() / 1000);
  const userJid = chatAddress(state, session, from);
  const receipt =
    receipt_shape === 'array'
      ? [{ key, receipt: { userJid, status: WORDS[status], t } }]
      : { message: { key, receipt: { userJid, receiptTimestamp: t } } };
  emit(state, session, 'message-receipt.update', receipt);
}

/** By its author. */
export function editMessage(state: State, session: Session, message: StoredMessage, text: string): void {
  const { edit_event } = state.variants.values;
  // An edit's time counts seconds: a further edit is of a later one, so that their order is clear.
  const nextSecond = message.edited ? (Math.floor(message.editedTs / 1000) + 1) * 1000 : 0;
  const now = Math.max(state.shared.clock.now(), nextSecond);
  const [kind, block] = Object.entries(message.content)[0]!;
  const isCaption = typeof block === 'object' && block !== null && 'caption' in block;
  const content = isCaption ? { [kind]: { ...block, caption: text } } : { conversation: text };
  Object.assign(message, { content, body: text, edited: true, editedTs: now });
  const key = messageKey(state, session, message);
  if (edit_event === 'update' || edit_event === 'both') {
    const update = { message: { editedMessage: { message: content } }, messageTimestamp: Math.floor(now / 1000) };
    emit(state, session, 'messages.update', changes(state, key, update));
  }
  if (edit_event === 'upsert' || edit_event === 'both') {
    const protocolMessage = { key, type: 'MESSAGE_EDIT', editedMessage: content, timestampMs: String(now) };
    const view = {
      ...messageView(state, session, message),
      key: { ...key, id: newKeyId() },
      messageTimestamp: Math.floor(now / 1000),
      message: { protocolMessage },
    };
    if (message.from !== null) emit(state, session, 'messages.received', { messages: view });
    emit(state, session, 'messages.upsert', upserted(state, view));
  }
}

/** By its author, for everybody. */
export function deleteMessage(state: State, session: Session, message: StoredMessage): void {
  message.deleted = true;
  const key = messageKey(state, session, message);
  if (state.variants.values.delete_event === 'delete') return emit(state, session, 'messages.delete', { keys: [key] });
  emit(state, session, 'messages.update', changes(state, key, { message: null, messageStubType: 'REVOKE' }));
}

function changes(state: State, key: object, update: object): object {
  return state.variants.values.update_shape === 'array' ? [{ key, update }] : { update, key };
}

const upserted = (state: State, view: object): object => ({
  messages: state.variants.values.upsert_messages === 'array' ? [view] : view,
});

/** With the sender in every form. */
export function messageKey(state: State, session: Session, message: StoredMessage): Record<string, unknown> {
  const { keyId: id, from } = message;
  const remoteJid = chatAddress(state, session, message.jid);
  const group = isGroup(remoteJid);
  const sender = from === null ? null : findIdentity(session.contacts, from);
  const mode = (group ? (sender?.jid ?? '') : remoteJid).endsWith('@lid') ? 'lid' : 'pn';
  return {
    id,
    fromMe: from === null,
    remoteJid,
    addressingMode: mode,
    ...(sender && (group ? participant(state, sender) : direct(state, sender))),
  };
}

interface Sender {
  jid: string;
  phone: string;
  lid: string;
}

function direct(state: State, { phone, lid }: Sender): object {
  const { clean_pn, sender_pn } = state.variants.values;
  return { ...(sender_pn && { senderPn: jidOf(phone), [clean_pn]: phone }), senderLid: lid };
}

function participant(state: State, { jid, phone, lid }: Sender): object {
  const { clean_pn, sender_pn } = state.variants.values;
  const cleaned = clean_pn.replace('Sender', 'Participant');
  return { participant: jid, ...(sender_pn && { participantPn: jidOf(phone), [cleaned]: phone }), participantLid: lid };
}

/** The content as a reply, or with mentions. */
export function withContext(
  session: Session,
  content: Record<string, unknown>,
  quoted: StoredMessage | null,
  mentionedJid: string[] = [],
): Record<string, unknown> {
  if (!quoted && mentionedJid.length === 0) return content;
  const owner = jidOf(session.linked?.phone ?? '');
  const contextInfo = {
    ...(quoted && { stanzaId: quoted.keyId, participant: quoted.from ?? owner, quotedMessage: quoted.content }),
    ...(mentionedJid.length > 0 && { mentionedJid }),
  };
  const [kind, block] = Object.entries(content)[0]!;
  if (kind === 'conversation') return { extendedTextMessage: { text: block, contextInfo } };
  return { [kind]: { ...(block as object), contextInfo } };
}

function messageView(state: State, session: Session, message: StoredMessage): object {
  const { pushName, content, body, ts } = message;
  return {
    key: messageKey(state, session, message),
    messageTimestamp: Math.floor(ts / 1000),
    ...(state.variants.values.message_names && pushName !== null && { pushName }),
    broadcast: false,
    message: content,
    messageBody: body,
    remoteJid: chatAddress(state, session, message.jid),
    id: message.keyId,
  };
}
