import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from '../server/provider.ts';
import { nameFor } from '../world/people.ts';
import { jidOf } from '../world/whatsapp.ts';
import { contactFacts, contactsData } from './contact-views.ts';
import { findGroup, isGroup, requireIdentity, type Identity } from './identity.ts';
import { emitMessage, getMessage, messageKey, storeMessage } from './messages.ts';
import type { Session, State, StoredMessage } from './state.ts';
import { emit } from './webhooks.ts';

const MEDIA_DAYS = 30;

/**
 * From a person, or (`from: me`) the owner's phone. Several messages are numbered; they wait while the phone is
 * disconnected. Throws 404, 422.
 */
export function receiveMessages(state: State, session: Session, incoming: IncomingMessage): object {
  const { contacts } = session;
  const sender = incoming.from === 'me' ? null : requireIdentity(contacts, incoming.from);
  const jid = chatJid(session, incoming, sender);
  const connected = session.status === 'connected';
  const messages: StoredMessage[] = [];
  for (let n = 1; n <= incoming.count; n++) {
    const numbered = incoming.count > 1 ? `${incoming.text ?? ''} ${n}`.trim() : (incoming.text ?? '');
    session.pendingEvents.run(connected, () => {
      if (sender) addUnlisted(state, session, sender, incoming.name);
      const message = storeMessage(state, session, {
        jid,
        from: sender === null ? null : sender.jid,
        pushName: sender && contactFacts(contacts, sender).notify,
        content: contentOf(state, incoming, numbered),
        body: numbered,
        status: sender === null ? 2 : 3,
        log: null,
      });
      messages.push(message);
      emitMessage(state, session, message);
    });
  }
  const shown = messages.map(({ msgId, keyId }) => ({ message_id: msgId, key_id: keyId }));
  return { session: session.id, chat: jid, waiting: !connected, messages: shown };
}

function chatJid({ contacts, linked }: Session, { chat, from }: IncomingMessage, sender: Identity | null): string {
  if (chat === undefined) return sender?.jid ?? (from === 'me' && linked ? jidOf(linked.phone) : from);
  if (isGroup(chat)) findGroup(contacts, chat);
  return isGroup(chat) || chat.endsWith('@newsletter') ? chat : requireIdentity(contacts, chat).jid;
}

/** A new sender becomes a contact with a push name only. */
function addUnlisted(state: State, session: Session, sender: Identity, name: string | undefined): void {
  const { jid, index, phone } = sender;
  const { unlisted } = session.contacts;
  if (index !== null || (unlisted.has(jid) && (name === undefined || unlisted.get(jid) === name))) return;
  const event = unlisted.has(jid) ? 'contacts.update' : 'contacts.upsert';
  const notify = name ?? nameFor(phone);
  unlisted.set(jid, notify);
  emit(state, session, event, contactsData(state, [{ id: jid, notify }]));
}

function contentOf(state: State, { attachments }: IncomingMessage, text: string): Record<string, unknown> {
  const [file] = attachments;
  if (!file) return { conversation: text };
  const family = file.mimetype.split('/')[0]!;
  const mediaKey = randomBytes(32).toString('base64');
  const until = state.shared.clock.now() + MEDIA_DAYS * 86_400_000;
  state.media.set(mediaKey, { bytes: Buffer.alloc(file.size, 'sandbox '), mimetype: file.mimetype, until });
  const kind = ['image', 'video', 'audio'].includes(family) ? family : 'document';
  const block = {
    url: 'https://mmg.whatsapp.net/encrypted.enc',
    mimetype: file.mimetype,
    mediaKey,
    fileLength: String(file.size),
    ...(kind === 'document' ? { fileName: file.file_name } : kind !== 'audio' && { caption: text }),
  };
  return { [`${kind}Message`]: block };
}

/** Without `from`, the other side of the chat reacts. Throws 404, 422. */
export function receiveReaction(
  state: State,
  session: Session,
  body: { message_id: string; value: string; from?: string | undefined },
): object {
  const message = getMessage(session, body.message_id);
  const key = messageKey(state, session, message);
  const from = body.from === 'me' ? null : (body.from ?? message.jid);
  const author = from === null ? null : requireIdentity(session.contacts, from);
  const own = { remoteJid: message.jid, fromMe: author === null, ...(author && { participant: author.jid }) };
  const reaction = {
    text: body.value,
    key: { id: message.keyId, ...own },
    senderTimestampMs: state.shared.clock.now(),
  };
  emit(state, session, 'messages.reaction', [{ key, reaction }]);
  return { session: session.id, message_id: message.msgId, value: body.value };
}
