import type { MessageContext } from '../../domain/message-extras.ts';
import { toE164 } from '../../domain/phone.ts';
import type { DeliveryStatus, SeenAttachment, SeenMessage } from '../../domain/seen-messages.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { amountIn, emojiIn, flagIn, idIn, messageTextIn, nameIn, textIn, webAddressIn } from '../shared/told-values.ts';
import { payloadIn, plainAttachment, referralOf } from './webhooks-content.ts';
import { at } from './webhooks-item.ts';

type Said = Pick<SeenMessage, 'text' | 'attachments' | 'quotedKey' | 'event' | 'context'> & {
  /** Of a history alone. */
  status?: DeliveryStatus;
};

/** What a message of WhatsApp says, or does to another one (`of`). */
export type WhatsappContent =
  | ({ kind: 'message' } & Said)
  | { kind: 'reaction'; of: string; emoji: string | null }
  | { kind: 'edit'; of: string; text: string | null }
  | { kind: 'revoke'; of: string };

/** Throws for an effect that names no message. */
export function readWhatsappContent(of: JsonObject): WhatsappContent {
  const type = textIn(of['type']) ?? '';
  const told = at(of, type);
  switch (type) {
    case 'reaction':
      return { kind: 'reaction', of: namedIn(told, 'message_id'), emoji: emojiIn(told?.['emoji']) };
    case 'edit':
      return { kind: 'edit', of: namedIn(told, 'original_message_id'), text: textOf(at(told, 'message') ?? {}) };
    case 'revoke':
      return { kind: 'revoke', of: namedIn(told, 'original_message_id') };
    default:
      return { kind: 'message', ...saidBy(of, type) };
  }
}

function namedIn(of: JsonObject | null, name: string): string {
  const id = idIn(of?.[name]);
  if (id !== null) return id;
  throw new Error('The message that this is about is not named.');
}

function saidBy(of: JsonObject, type: string): Said {
  const context = contextOf(of, type);
  const status = historyStatuses[textIn(at(of, 'history_context')?.['status']) ?? ''];
  return {
    text: textOf(of),
    attachments: filesOf(of, type),
    quotedKey: idIn(at(of, 'context')?.['id']),
    ...(type === 'system' && { event: systemEvent(at(of, 'system')) }),
    ...(type === 'request_welcome' && { event: 'unknown' as const }),
    ...(Object.keys(context).length && { context }),
    ...(status && { status }),
  };
}

const historyStatuses: Readonly<Record<string, DeliveryStatus>> = {
  ERROR: 'failed',
  PENDING: 'pending',
  SENT: 'sent',
  DELIVERED: 'delivered',
  READ: 'read',
  PLAYED: 'played',
};

const systemEvent = (of: JsonObject | null): 'id_changed' | 'unknown' =>
  textIn(of?.['type'])?.startsWith('user_changed_') ? 'id_changed' : 'unknown';

/** The text as a person reads it, by type; captions beside files. */
const texts: Readonly<Record<string, (of: JsonObject) => string | null>> = {
  text: (of) => messageTextIn(of['body']),
  image: captionOf,
  video: captionOf,
  document: captionOf,
  button: (of) => messageTextIn(of['text']) ?? payloadIn(of['payload']),
  interactive: interactiveText,
  location: locationText,
  system: (of) => messageTextIn(of['body']),
  order: orderText,
  template: (of) => messageTextIn(of['text']) ?? nameIn(of['name']),
};

function textOf(of: JsonObject): string | null {
  const type = textIn(of['type']) ?? '';
  if (type === 'contacts') return cardsText(of['contacts']);
  const told = at(of, type);
  return told && Object.hasOwn(texts, type) ? (texts[type]?.(told) ?? null) : null;
}

function captionOf(of: JsonObject): string | null {
  return messageTextIn(of['caption']);
}

function interactiveText(of: JsonObject): string | null {
  const reply = at(of, 'button_reply') ?? at(of, 'list_reply');
  const form = at(of, 'nfm_reply');
  return messageTextIn(reply?.['title']) ?? messageTextIn(form?.['body']) ?? messageTextIn(form?.['name']);
}

const lines = (parts: readonly (string | null)[]): string | null =>
  parts.filter((one) => one !== null).join('\n') || null;

function locationText(of: JsonObject): string | null {
  const place = [of['latitude'], of['longitude']].map((one) => (typeof one === 'number' ? String(one) : textIn(one)));
  const isPlace = place.every((one) => one !== null && /^-?\d{1,3}(?:\.\d{1,20})?$/.test(one));
  return lines([messageTextIn(of['name']), messageTextIn(of['address']), isPlace ? place.join(', ') : null]);
}

/** Cards and products of a message: WhatsApp takes far fewer. */
const mostItems = 1_000;

/** Each card's name and first number. */
const cardsText = (cards: unknown): string | null =>
  lines(
    asList(cards)
      .slice(0, mostItems)
      .flatMap((card) => {
        const of = asObject(card);
        const phone = asObject(asList(of?.['phones'])[0]);
        const name = at(of, 'name');
        return [
          nameIn(name?.['formatted_name']) ?? nameIn(name?.['first_name']),
          toE164(idIn(phone?.['phone']) ?? undefined),
        ];
      }),
  );

function orderText(of: JsonObject): string | null {
  const products = asList(of['product_items']).slice(0, mostItems).map(asObject);
  const named = products.map((product) => {
    const id = nameIn(product?.['product_retailer_id']);
    return id && `${amountIn(product?.['quantity']) ?? 1} x ${id}`;
  });
  return lines([messageTextIn(of['text']), ...named]);
}

const fileKinds: Readonly<Record<string, SeenAttachment['kind']>> = {
  image: 'image',
  video: 'video',
  audio: 'audio',
  voice: 'audio',
  document: 'document',
  sticker: 'sticker',
};

/** A message has one file; WhatsApp keeps it for 7 days. */
function filesOf(of: JsonObject, type: string): SeenAttachment[] {
  const kind = Object.hasOwn(fileKinds, type) ? fileKinds[type] : undefined;
  const file = at(of, type);
  if (!kind || !file) return [];
  const id = idIn(file['id']);
  return [
    {
      ...plainAttachment('0', kind),
      mimeType: nameIn(textIn(file['mime_type'])?.split(';')[0]),
      fileName: nameIn(file['filename']),
      voice: type === 'voice' || flagIn(file['voice']) === true,
      url: webAddressIn(file['url']),
      source: id === null ? null : { media: id },
    },
  ];
}

function contextOf(of: JsonObject, type: string): MessageContext {
  const told = at(of, type);
  const reply = at(told, 'button_reply') ?? at(told, 'list_reply');
  const payload =
    type === 'button'
      ? payloadIn(told?.['payload'])
      : (payloadIn(reply?.['id']) ?? payloadIn(at(told, 'nfm_reply')?.['response_json']));
  const referral = referralOf(at(of, 'referral'));
  const from = at(of, 'context');
  const isForwarded = flagIn(from?.['forwarded']) === true || flagIn(from?.['frequently_forwarded']) === true;
  const isShown = type === 'contacts' || Object.hasOwn(texts, type) || Object.hasOwn(fileKinds, type);
  const raw =
    type === 'unsupported'
      ? (nameIn(told?.['raw_type']) ?? nameIn(told?.['type']) ?? type)
      : (nameIn(type) ?? 'unknown');
  return {
    ...(payload !== null && { payload }),
    ...(referral && { referral }),
    ...(isForwarded && { forwarded: true as const }),
    ...(!isShown && type !== 'request_welcome' && { contentType: raw }),
  };
}
