import { ProviderFailure } from '../../domain/failures.ts';
import type { OutgoingMessage, ProviderCall, Recipient, SentMessage } from '../provider.ts';
import { asObject, text, type Json } from './fields.ts';
import { askSession, dataOf } from './client.ts';
import { isLid, phoneOf, toJid } from './ids.ts';

/** The field that an attachment of a kind stands in; an audio goes out as a voice note. */
const fields = {
  image: 'imageUrl',
  video: 'videoUrl',
  document: 'documentUrl',
  audio: 'audioUrl',
  sticker: 'stickerUrl',
} as const;

/** POST /send-message. */
export async function send(call: ProviderCall, message: OutgoingMessage): Promise<SentMessage> {
  const data = asObject(dataOf(await askSession(call, 'POST', '/send-message', { body: bodyOf(message) })));
  return { providerMessageId: text(data, 'msgId') };
}

function bodyOf({ to, text: words, attachment, replyTo }: OutgoingMessage): Json {
  if (!words && !attachment) throw refused('A message needs a text or an attachment.');
  if (replyTo !== undefined && !/^\d{1,15}$/.test(replyTo))
    throw refused('A reply names the number that WASender gave the message when it was sent.');
  return {
    to: recipient(to),
    ...(words && { text: words }),
    ...(attachment && { [fields[attachment.kind]]: attachment.url }),
    ...(attachment?.fileName && { fileName: attachment.fileName }),
    ...(replyTo !== undefined && { replyTo: Number(replyTo) }),
  };
}

/** A number with its plus, or a LID, group or channel as it is. */
function recipient(to: Recipient): string {
  if (to.kind === 'conversation') {
    if (/^[\w-]+@(g\.us|newsletter)$/.test(to.id)) return to.id;
    throw refused('This is neither a group nor a channel.');
  }
  const jid = toJid(to.kind === 'phone' ? to.phone : to.id);
  const known = jid && (isLid(jid) ? jid : phoneOf(jid));
  if (!known) throw refused('This is neither a number nor a JID.');
  return known;
}

const refused = (why: string): ProviderFailure => new ProviderFailure('request_refused', why);
