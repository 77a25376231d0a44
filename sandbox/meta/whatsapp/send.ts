import { requireScope, tokenIn, type Call } from '../graph/call.ts';
import { asText, isObject, type Params } from '../graph/params.ts';
import { numberOf } from '../access.ts';
import { addMessage, contactFor, isWindowOpen, threadWith } from '../chats.ts';
import { invalidParameter, MetaError } from '../errors.ts';
import { fetchFile } from '../fetch-file.ts';
import type { State } from '../state.ts';
import type { Attachment, Contact, Message, PhoneNumber, Thread } from '../types.ts';
import { emit } from '../webhooks/emit.ts';
import { statusItem, type StatusError } from '../webhooks/whatsapp-items.ts';
import { renderTemplate } from './templates.ts';

const LONGEST_TEXT = 4096;
const LONGEST_CALLBACK_DATA = 512;
/** A number to which free text is always too late. */
const LATE = '15550000047';
const LATE_ERROR: StatusError = {
  code: 131_047,
  title: 'Re-engagement message',
  details:
    'Message failed to send because more than 24 hours have passed since the customer last replied to this number.',
};
/** Numbers that end so have no WhatsApp, as at the sandbox's other providers. */
const UNREACHABLE_PHONE = /(0000|9999)$/;
const UNREACHABLE: StatusError = { code: 131_026, title: 'Message undeliverable', details: 'Message Undeliverable.' };

const FILES: Record<string, Attachment['kind']> = {
  image: 'image',
  video: 'video',
  audio: 'audio',
  document: 'file',
  sticker: 'sticker',
};

/** `POST /{phone-number-id}/messages`: a message, or a read mark with or without a typing sign. */
export async function sendWhatsapp(state: State, call: Call): Promise<object> {
  const { params } = call;
  const number = numberOf(state, call);
  requireScope(tokenIn(call), 'whatsapp_business_messaging');
  if (params.text('messaging_product') !== 'whatsapp')
    throw invalidParameter('The parameter messaging_product is required.');
  if (number.status !== 'CONNECTED') throw new MetaError(133_010, '(#133010) Account not registered');
  if (params.text('status') === 'read') return markRead(state, number, params);

  const contact = recipientOf(number, params);
  const type = params.text('type') ?? 'text';
  const body = params.object(type);
  if (!body && type !== 'contacts') throw invalidParameter(`The parameter ${type} is required.`);
  const thread = threadWith(state, number, contact);
  if (type === 'reaction') return react(state, number, thread, params, body ?? {});

  const isLate = type !== 'template' && (contact.phone === LATE || !isWindowOpen(state, thread));
  if (isLate && (contact.phone === LATE || state.variants.values.window_answer === 'answer')) {
    throw new MetaError(LATE_ERROR.code, `(#${LATE_ERROR.code}) ${LATE_ERROR.title}`, { details: LATE_ERROR.details });
  }
  const content = await contentOf(state, number, type, body ?? {});
  const message = addMessage(state, number, thread, {
    from: 'account',
    text: content.text,
    attachments: content.attachments,
    status: 'accepted',
    replyTo: quotedOf(state, params),
    appId: tokenIn(call).appId,
    content: { type, body: params.json(type) },
    callbackData: callbackDataOf(params),
  });
  thread.isLive = true;
  const failure = isLate
    ? LATE_ERROR
    : (content.failure ?? (contact.phone !== null && UNREACHABLE_PHONE.test(contact.phone) ? UNREACHABLE : null));
  report(state, number, thread, message, failure);
  return answer(params, contact, message, type);
}

function markRead(state: State, number: PhoneNumber, params: Params): object {
  const id = params.required('message_id');
  const found = state.world.messages.get(id);
  if (found?.asset !== number || found.message.from !== 'contact') {
    throw new MetaError(131_009, '(#131009) Parameter value is not valid', { details: 'Message ID is invalid.' });
  }
  found.thread.unread = 0;
  for (const one of found.thread.messages)
    if (one.from === 'contact' && one.ts <= found.message.ts) one.status = 'read';
  return { success: true };
}

/** `to` wins over `recipient`, which takes a business-scoped user id. Throws 100, 131009. */
function recipientOf(number: PhoneNumber, params: Params): Contact {
  const to = params.text('to');
  const recipient = params.text('recipient');
  if (to === undefined && recipient === undefined) throw invalidParameter('The parameter to is required.');
  if (to !== undefined && !/^\+?[\d\s().-]{6,20}$/.test(to) && !/^[A-Z]{2}\./.test(to)) {
    throw new MetaError(131_009, '(#131009) Parameter value is not valid', {
      details: 'Recipient phone number is invalid.',
    });
  }
  const digits = to?.replaceAll(/[^\d]/g, '');
  if (digits === number.phone) throw new MetaError(131_021, '(#131021) Recipient cannot be the sender');
  return contactFor(number, to ?? recipient!);
}

interface Content {
  text: string | null;
  attachments: Attachment[];
  failure: StatusError | null;
}

/** Throws 100, 131051, 132xxx. */
async function contentOf(
  state: State,
  number: PhoneNumber,
  type: string,
  body: Record<string, unknown>,
): Promise<Content> {
  const plain = (text: string | null): Content => ({ text, attachments: [], failure: null });
  if (type === 'text') {
    const text = asText(body['body']);
    if (text === '') throw invalidParameter('The parameter text[body] is required.');
    if (text.length > LONGEST_TEXT)
      throw invalidParameter(`Param text['body'] must be at most ${LONGEST_TEXT} characters long.`);
    return plain(text);
  }
  if (type === 'template') return plain(renderTemplate(state.world.wabas.get(number.wabaId)!, body));
  if (type in FILES) return fileOf(state, type, body);
  if (type === 'interactive') return plain(isObject(body['body']) ? asText(body['body']['text']) : '');
  if (type === 'location' || type === 'contacts') return plain(`(${type})`);
  throw new MetaError(131_051, '(#131051) Message type is currently not supported.');
}

/** By `id` of an upload, or by `link`, which is fetched after the answer. */
async function fileOf(state: State, type: string, body: Record<string, unknown>): Promise<Content> {
  const caption =
    typeof body['caption'] === 'string' && type !== 'audio' && type !== 'sticker' ? body['caption'] : null;
  const kind = FILES[type] ?? 'file';
  const fileName = typeof body['filename'] === 'string' ? body['filename'] : `${type}.bin`;
  const media = body['id'] === undefined ? undefined : state.world.media.get(asText(body['id']));
  if (body['id'] !== undefined) {
    if (!media || media.until <= state.shared.clock.now()) {
      throw invalidParameter(`Param ${type}['id'] is not a valid whatsapp business account media attachment ID`);
    }
    return {
      text: caption,
      failure: null,
      attachments: [{ id: media.id, kind, mimetype: media.mimetype, fileName, bytes: media.bytes }],
    };
  }
  if (typeof body['link'] !== 'string')
    throw invalidParameter(`The parameter ${type}['link'] or ${type}['id'] is required.`);
  const fetched = await fetchFile(body['link']);
  const failure = fetched
    ? null
    : { code: 131_053, title: 'Media upload error', details: 'Downloading media from weblink failed.' };
  const id = String(2_000_000_000_000_000 + state.world.nextId++);
  const file = fetched ?? { bytes: null, mimetype: 'application/octet-stream' };
  return { text: caption, failure, attachments: [{ id, kind, fileName, ...file }] };
}

function quotedOf(state: State, params: Params): string | null {
  const id = params.object('context')?.['message_id'];
  if (id === undefined) return null;
  if (!state.world.messages.has(asText(id)))
    throw new MetaError(131_009, '(#131009) Parameter value is not valid', {
      details: 'The context message does not exist.',
    });
  return asText(id);
}

function callbackDataOf(params: Params): string | null {
  const data = params.text('biz_opaque_callback_data') ?? null;
  if (data !== null && data.length > LONGEST_CALLBACK_DATA) {
    throw invalidParameter(`Param biz_opaque_callback_data must be at most ${LONGEST_CALLBACK_DATA} characters long.`);
  }
  return data;
}

const MONTH_MS = 30 * 86_400_000;

/** Of a message that is at most 30 days old; only `sent` follows. */
function react(
  state: State,
  number: PhoneNumber,
  thread: Thread,
  params: Params,
  body: Record<string, unknown>,
): object {
  const found = state.world.messages.get(asText(body['message_id']));
  if (!found || found.asset !== number || state.shared.clock.now() - found.message.ts > MONTH_MS) {
    throw new MetaError(131_009, '(#131009) Parameter value is not valid', {
      details: 'The message to react to does not exist.',
    });
  }
  if (!isWindowOpen(state, thread)) {
    throw new MetaError(LATE_ERROR.code, `(#${LATE_ERROR.code}) ${LATE_ERROR.title}`, { details: LATE_ERROR.details });
  }
  const emoji = typeof body['emoji'] === 'string' ? body['emoji'] : '';
  if (emoji === '') found.message.reactions.delete('account');
  else found.message.reactions.set('account', emoji);
  const id = `wamid.${Buffer.from(`reaction ${state.world.nextId++} of ${found.message.id}`)
    .toString('base64')
    .slice(0, 56)}`;
  const sent: Message = { ...found.message, id, callbackData: callbackDataOf(params), content: null };
  if (state.variants.values.whatsapp_sent) emit(state, number, [statusItem(state, number, thread, sent, 'sent')]);
  return answer(params, thread.contact, sent, 'reaction');
}

function answer(params: Params, contact: Contact, { id }: Message, type: string): object {
  const to = params.text('to');
  const known = contact.phone === null ? { user_id: contact.key } : { wa_id: contact.phone, user_id: contact.key };
  return {
    messaging_product: 'whatsapp',
    contacts: [{ input: to ?? params.text('recipient'), ...known }],
    messages: [{ id, ...(type === 'template' && { message_status: 'accepted' }) }],
  };
}

/** The statuses that come by themselves. */
function report(
  state: State,
  number: PhoneNumber,
  thread: Thread,
  message: Message,
  failure: StatusError | null,
): void {
  const { whatsapp_sent, whatsapp_delivered_seconds: wait } = state.variants.values;
  if (failure) {
    message.status = 'failed';
    return emit(state, number, [statusItem(state, number, thread, message, 'failed', failure)]);
  }
  if (!whatsapp_sent) return;
  message.status = 'sent';
  emit(state, number, [statusItem(state, number, thread, message, 'sent')]);
  if (wait === null) return;
  state.shared.clock.at(state.shared.clock.now() + wait * 1000, () => {
    if (message.status !== 'sent') return;
    message.status = 'delivered';
    emit(state, number, [statusItem(state, number, thread, message, 'delivered')]);
  });
}
