import { findPeer, isGroup, jidOf } from '../peer.ts';
import type { State } from '../state.ts';
import type { Session, StoredMessage } from '../types.ts';

/** WhatsApp's key of a message, with whose it is in every form. */
export function messageKey(state: State, session: Session, message: StoredMessage): Record<string, unknown> {
  const { keyId: id, jid: remoteJid, from } = message;
  const group = isGroup(remoteJid);
  const sender = from === null ? null : findPeer(session.contacts, from);
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

/** A message as events carry it. */
export function messageView(state: State, session: Session, message: StoredMessage): object {
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
