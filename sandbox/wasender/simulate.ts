import { randomBytes } from 'node:crypto';
import { ApiError } from '../server/errors.ts';
import type { IncomingMessage, IncomingReaction } from '../server/provider.ts';
import { nameFor } from '../world/people.ts';
import { chatAddress, chatKey } from './chats.ts';
import { contactFacts, contactsData } from './contact-views.ts';
import { keepMedia } from './files.ts';
import { groupFacts } from './groups.ts';
import { isGroup, requireIdentity, type Identity } from './identity.ts';
import { emitMessage, getMessage, messageKey, newKeyId, storeMessage, withContext } from './messages.ts';
import type { Session, State, StoredMessage } from './state.ts';
import { emit } from './webhooks.ts';

/** While the phone is disconnected the event waits. */
export function whenConnected(session: Session, job: () => object): object {
  const result = session.pendingEvents.run(session.status === 'connected', job);
  return result ?? { session: session.id, waiting: true };
}

/** From a person, or the owner's phone. Several messages are numbered; they wait as above. Throws 404, 422. */
export function receiveMessages(state: State, session: Session, incoming: IncomingMessage): object {
  const { contacts } = session;
  const { attachments, reply_to: replyTo } = incoming;
  if (attachments.length > 1) throw new ApiError(400, 'a message has one attachment at most');
  const person = incoming.from === undefined ? null : requireIdentity(contacts, incoming.from);
  const sender = incoming.own ? null : person;
  const jid = chatJid(session, incoming.chat, person);
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
        content: withContext(
          session,
          contentOf(state, incoming, numbered),
          replyTo === undefined ? null : getMessage(session, replyTo),
        ),
        body: numbered,
        status: sender === null ? 2 : 3,
        log: null,
      });
      messages.push(message);
      emitMessage(state, session, message);
    });
  }
  const shown = messages.map(({ msgId, keyId }) => ({ message_id: msgId, key_id: keyId }));
  return { session: session.id, chat_id: chatKey(session, jid), waiting: !connected, messages: shown };
}

function chatJid(session: Session, chat: string | undefined, person: Identity | null): string {
  if (chat === undefined) return person!.jid;
  if (isGroup(chat)) groupFacts(session, chat);
  return isGroup(chat) || chat.endsWith('@newsletter') ? chat : requireIdentity(session.contacts, chat).jid;
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
  const { mimetype } = file;
  const mediaKey = file.unavailable
    ? randomBytes(32).toString('base64')
    : keepMedia(state, { bytes: Buffer.alloc(file.size, 'sandbox '), mimetype });
  const known = ['image', 'video', 'audio'].includes(family) ? family : 'document';
  const kind = mimetype === 'image/webp' ? 'sticker' : known;
  const block = {
    url: 'https://mmg.whatsapp.net/encrypted.enc',
    mimetype,
    mediaKey,
    fileLength: String(file.size),
    ...(kind === 'document' && { fileName: file.file_name }),
    ...(kind === 'audio' && { ptt: true }),
    ...((kind === 'image' || kind === 'video') && { caption: text }),
  };
  return { [`${kind}Message`]: block };
}

/** One for each person: a new one replaces it, an empty one takes it back. Throws 404, 422. */
export function receiveReaction(state: State, session: Session, body: IncomingReaction): object {
  const message = getMessage(session, body.message_id);
  const key = messageKey(state, session, message);
  const from = body.from === 'me' ? null : (body.from ?? message.from ?? message.jid);
  const author = from === null ? null : requireIdentity(session.contacts, from);
  if (body.value === '') message.reactions.delete(author?.jid ?? '');
  else message.reactions.set(author?.jid ?? '', body.value);
  // Times of one message's reactions strictly rise, so that their order is clear.
  message.reactedTs = Math.max(state.shared.clock.now(), message.reactedTs + 1);
  const remoteJid = chatAddress(state, session, message.jid);
  const own = { remoteJid, fromMe: author === null, ...(author && { participant: author.jid }) };
  const reaction = {
    text: body.value,
    key: { id: state.variants.values.reaction_key === 'own' ? newKeyId() : message.keyId, ...own },
    senderTimestampMs: message.reactedTs,
  };
  emit(state, session, 'messages.reaction', [{ key, reaction }]);
  const chat_id = chatKey(session, message.jid);
  return { session: session.id, chat_id, message_id: message.msgId, value: body.value };
}
