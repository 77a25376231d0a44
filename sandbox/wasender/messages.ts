import { randomBytes } from 'node:crypto';
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
  const now = state.shared.clock.now();
  const stored: StoredMessage = {
    ...message,
    msgId: state.nextMsgId++,
    keyId: `3EB0${randomBytes(8).toString('hex').toUpperCase()}`,
    ts: now,
    editedTs: now,
    deleted: false,
  };
  session.messages.push(stored);
  session.byMessageId.set(String(stored.msgId), stored).set(stored.keyId, stored);
  return stored;
}

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
  const { upsert_messages, upsert_repeats } = state.variants.values;
  const kind = KINDS.find(({ suffix }) => message.jid.endsWith(suffix))!;
  if (kind.ignored && session.settings[kind.ignored]) return;
  const view = messageView(state, session, message);
  if (message.from !== null) {
    for (const event of ['messages.received', kind.event] as const) emit(state, session, event, { messages: view });
    if (!upsert_repeats && (session.settings.webhook_events ?? []).includes('messages.received')) return;
  }
  emit(state, session, 'messages.upsert', { messages: upsert_messages === 'array' ? [view] : view });
}

const WORDS = ['error', 'pending', 'sent', 'delivered', 'read', 'played'] as const;

/** Sends the events: the status, and from `delivered` on a receipt. */
export function moveStatus(state: State, session: Session, message: StoredMessage, status: DeliveryStatus): void {
  message.status = status;
  const { update_shape, update_status } = state.variants.values;
  const key = messageKey(state, session, message);
  const update = { status: update_status === 'numbers' ? status : WORDS[status] };
  emit(state, session, 'messages.update', update_shape === 'array' ? [{ key, update }] : { update, key });
  if (status < 3) return;
  const t = Math.floor(state.shared.clock.now() / 1000);
  emit(state, session, 'message-receipt.update', [
    { key, receipt: { userJid: message.jid, status: WORDS[status], t } },
  ]);
}

/** With the sender in every form. */
export function messageKey(state: State, session: Session, message: StoredMessage): Record<string, unknown> {
  const { keyId: id, jid: remoteJid, from } = message;
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

const direct = (state: State, { phone, lid }: Sender): object => ({
  senderPn: jidOf(phone),
  [state.variants.values.clean_pn]: phone,
  senderLid: lid,
});

const participant = (state: State, { jid, phone, lid }: Sender): object => ({
  participant: jid,
  participantPn: jidOf(phone),
  [state.variants.values.clean_pn.replace('Sender', 'Participant')]: phone,
  participantLid: lid,
});

function messageView(state: State, session: Session, message: StoredMessage): object {
  const { pushName, content, body, ts } = message;
  return {
    key: messageKey(state, session, message),
    messageTimestamp: Math.floor(ts / 1000),
    ...(state.variants.values.message_names && pushName !== null && { pushName }),
    broadcast: false,
    message: content,
    messageBody: body,
    remoteJid: message.jid,
    id: message.keyId,
  };
}
