import { z } from 'zod';
import { invalid, WasenderError } from './errors.ts';
import { addToChat } from './chats.ts';
import { keepMedia, publishedAt } from './files.ts';
import { groupFacts } from './groups.ts';
import { isGroup, onWhatsapp, requireIdentity } from './identity.ts';
import { emitMessage, getMessage, messageKey, moveStatus, storeMessage, withContext } from './messages.ts';
import type { Session, State, StoredMessage } from './state.ts';
import { emit } from './webhooks.ts';

/** A message to a number with this end is accepted, and fails afterwards. */
const FAILING = '9999';

const url = z.url({ protocol: /^https?$/ });
export const sendBody = z.looseObject({
  to: z.string().min(1),
  text: z.string().max(65_536).optional(),
  imageUrl: url.optional(),
  videoUrl: url.optional(),
  documentUrl: url.optional(),
  fileName: z.string().optional(),
  audioUrl: url.optional(),
  stickerUrl: url.optional(),
  contact: z.object({ name: z.string(), phone: z.string() }).optional(),
  location: z
    .object({
      latitude: z.coerce.number(),
      longitude: z.coerce.number(),
      name: z.string().optional(),
      address: z.string().optional(),
    })
    .optional(),
  poll: z
    .object({
      question: z.string(),
      options: z.array(z.string()).min(2).max(12),
      multiSelect: z.boolean().optional(),
    })
    .optional(),
  mentions: z.array(z.string()).optional(),
  replyTo: z.int().positive().optional(),
});
type SendBody = z.infer<typeof sendBody>;

const MB = 1024 * 1024;

/** The files that can be sent, by the field of their address. Where the sources differ, the smaller limit in bytes. */
const FILES = [
  { field: 'imageUrl', kind: 'image', largest: 5 * MB, types: /^image\/(jpeg|png)$/ },
  { field: 'videoUrl', kind: 'video', largest: 16 * MB, types: /^video\// },
  { field: 'documentUrl', kind: 'document', largest: 100 * MB, types: /^/ },
  { field: 'audioUrl', kind: 'audio', largest: 16 * MB, types: /^audio\// },
  { field: 'stickerUrl', kind: 'sticker', largest: 100 * 1024, types: /^image\/webp$/ },
] as const;

/** The content of a message with a file. Of an address elsewhere nothing is known: it is not called. Throws 422. */
function fileContent(state: State, body: SendBody): Record<string, unknown> | null {
  const file = FILES.find(({ field }) => body[field] !== undefined);
  if (!file) return null;
  const { field, kind, largest, types } = file;
  const address = body[field]!;
  const found = publishedAt(state, address);
  const mimetype = found?.mimetype.split(';')[0]!.trim().toLowerCase() ?? '';
  if (found && !types.test(mimetype)) throw invalid(`The ${kind} has a type that cannot be sent.`);
  if (found && found.bytes.length > largest) throw invalid(`The ${kind} is too large.`);
  return {
    [`${kind}Message`]: {
      url: address,
      ...(found && { mimetype, mediaKey: keepMedia(state, found), fileLength: String(found.bytes.length) }),
      ...(kind === 'document' && { fileName: body.fileName }),
      ...(kind === 'audio' && { ptt: true }),
      ...(kind !== 'audio' && kind !== 'sticker' && { caption: body.text ?? '' }),
    },
  };
}

/** Other WhatsApp content by the field of the request. */
const CONTENT: [field: string, content: (body: SendBody) => Record<string, unknown>][] = [
  ['contact', ({ contact }) => ({ contactMessage: { displayName: contact!.name, vcard: `TEL:${contact!.phone}` } })],
  [
    'location',
    ({ location }) => ({
      locationMessage: { degreesLatitude: location!.latitude, degreesLongitude: location!.longitude },
    }),
  ],
  ['poll', ({ poll }) => ({ pollCreationMessage: { name: poll!.question, options: poll!.options } })],
  ['text', ({ text }) => ({ conversation: text })],
];

/** Sends the message `send_seconds` later. Throws 422 without content, for a file that cannot be sent, or a wrong recipient. */
export function send(state: State, session: Session, body: SendBody): StoredMessage {
  const content =
    fileContent(state, body) ?? CONTENT.find(([field]) => body[field] !== undefined && body[field] !== '')?.[1](body);
  if (!content)
    throw invalid('The text field is required.', { text: ['A text, media, contact, location or poll is required.'] });
  const quoted = body.replyTo === undefined ? null : getMessage(session, String(body.replyTo));
  const { settings } = session;
  const message = storeMessage(state, session, {
    jid: recipient(session, body.to),
    from: null,
    pushName: null,
    content: withContext(session, content, quoted, body.mentions),
    body: body.text ?? '',
    status: 1,
    log: { to: body.to, content: body, failed: null, logged: settings.log_messages },
  });
  deliver(state, session, message);
  return message;
}

function recipient(session: Session, to: string): string {
  if (to.endsWith('@newsletter')) return to;
  if (isGroup(to)) {
    groupFacts(session, to);
    return to;
  }
  const identity = requireIdentity(session.contacts, to);
  if (!onWhatsapp(identity)) throw new WasenderError(422, 'JID does not exist on WhatsApp');
  return identity.jid;
}

/** `again`: a resend, which does not fail. */
function deliver(state: State, session: Session, message: StoredMessage, again = false): void {
  const { clock } = state.shared;
  const { send_seconds, echo_webhook } = state.variants.values;
  clock.at(clock.now() + send_seconds * 1000, () => {
    message.editedTs = clock.now();
    const key = messageKey(state, session, message);
    if (!again && message.jid.split('@')[0]!.endsWith(FAILING)) {
      message.log!.failed = 'The message could not be delivered.';
      moveStatus(state, session, message, 0);
      return emit(state, session, 'message.sent', { key, success: false, error: message.log!.failed });
    }
    message.log!.failed = null;
    emit(state, session, 'message.sent', { key, message: message.content, success: true });
    if (echo_webhook) emitMessage(state, session, message);
    else addToChat(state, session, message);
    moveStatus(state, session, message, 2);
  });
}

/** Only while messages are logged. Throws 422. */
export function resend(state: State, session: Session, message: StoredMessage): void {
  if (message.status !== 0 || !message.log) throw invalid('Only a failed message can be sent again.');
  if (!session.settings.log_messages) throw invalid('Message logging is off for this session.');
  message.status = 1;
  deliver(state, session, message, true);
}

/** An own message that is young enough to be changed. Throws 403, 404, 422. */
export function requireChangeable(state: State, session: Session, id: string): StoredMessage {
  const message = getMessage(session, id);
  if (message.from !== null) throw new WasenderError(403, 'Only own messages can be changed.');
  const age = state.shared.clock.now() - message.ts;
  if (age > state.variants.values.change_seconds * 1000) throw invalid('This message can no longer be changed.');
  return message;
}
