import { randomBytes } from 'node:crypto';
import { notFound } from './errors.ts';
import { emit } from './events.ts';
import type { State } from './state.ts';
import type { DeliveryStatus, Session, StoredMessage } from './types.ts';
import { messageKey, messageView } from './views/message.ts';

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

/** Tells of a new message, incoming or the owner's. */
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

/** Moves a message's delivery status and tells of it; a receipt names who received, too. */
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
