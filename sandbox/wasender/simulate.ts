import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { contactsData, peerFacts } from './contact-views.ts';
import { findGroup, isGroup, jidOf, type Peer, requirePeer } from './identity.ts';
import { emitMessage, getMessage, messageKey, storeMessage } from './messages.ts';
import type { Session, State, StoredMessage } from './state.ts';
import { emit } from './webhooks.ts';
import { nameFor } from '../world/people.ts';

export const attachment = z.object({
  mimetype: z.string(),
  file_name: z.string().default('file'),
  size: z.int().min(1).max(26_214_400).default(64),
});

interface Written {
  chat?: string | undefined;
  from: string;
  name?: string | undefined;
  text: string | null;
  count: number;
  attachments: z.infer<typeof attachment>[];
}

const MEDIA_DAYS = 30;

/** Somebody writes, or (`me`) the owner does on the phone. Throws 404, 422. */
export function receive(state: State, session: Session, written: Written): object {
  const { contacts } = session;
  const sender = written.from === 'me' ? null : requirePeer(contacts, written.from);
  const jid = chatJid(session, written, sender);
  const texts = Array.from({ length: written.count }, (_, n) =>
    written.count > 1 ? `${written.text ?? ''} ${n + 1}`.trim() : (written.text ?? ''),
  );
  const waiting = session.status !== 'connected';
  const messages: StoredMessage[] = [];
  for (const text of texts) {
    const happen = (): void => {
      if (sender) meet(state, session, sender, written.name);
      const message = storeMessage(state, session, {
        jid,
        from: sender === null ? null : sender.jid,
        pushName: sender && (peerFacts(contacts, sender).notify ?? null),
        content: contentOf(state, written, text),
        body: text,
        status: sender === null ? 2 : 3,
        log: null,
      });
      messages.push(message);
      emitMessage(state, session, message);
    };
    if (waiting) session.missed.push(happen);
    else happen();
  }
  const shown = messages.map(({ msgId, keyId }) => ({ message_id: msgId, key_id: keyId }));
  return { session: session.id, chat: jid, waiting, messages: shown };
}

function chatJid({ contacts, linked }: Session, { chat, from }: Written, sender: Peer | null): string {
  if (chat === undefined) return sender?.jid ?? (from === 'me' && linked ? jidOf(linked.phone) : from);
  if (isGroup(chat)) findGroup(contacts, chat);
  return isGroup(chat) || chat.endsWith('@newsletter') ? chat : requirePeer(contacts, chat).jid;
}

/** Who writes from outside the book becomes a contact that is known by the push name. */
function meet(state: State, session: Session, { jid, index, phone }: Peer, name: string | undefined): void {
  const { strangers } = session.contacts;
  if (index !== null || (strangers.has(jid) && (name === undefined || strangers.get(jid) === name))) return;
  const fresh = !strangers.has(jid);
  const notify = name ?? nameFor(phone);
  strangers.set(jid, notify);
  emit(state, session, fresh ? 'contacts.upsert' : 'contacts.update', contactsData(state, [{ id: jid, notify }]));
}

function contentOf(state: State, { attachments }: Written, text: string): Record<string, unknown> {
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

/** Somebody, or without `from` whoever is in the chat, reacts. Throws 404, 422. */
export function react(
  state: State,
  session: Session,
  body: { message_id: string; value: string; from?: string | undefined },
): object {
  const message = getMessage(session, body.message_id);
  const key = messageKey(state, session, message);
  const from = body.from === 'me' ? null : (body.from ?? message.jid);
  const author = from === null ? null : requirePeer(session.contacts, from);
  const own = { remoteJid: message.jid, fromMe: author === null, ...(author && { participant: author.jid }) };
  const reaction = {
    text: body.value,
    key: { id: message.keyId, ...own },
    senderTimestampMs: state.shared.clock.now(),
  };
  emit(state, session, 'messages.reaction', [{ key, reaction }]);
  return { session: session.id, message_id: message.msgId, value: body.value };
}
