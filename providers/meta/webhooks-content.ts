import type { MessageContext, MessageReferral } from '../../domain/message-extras.ts';
import type { SeenAttachment } from '../../domain/seen-messages.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { flagIn, idIn, messageTextIn, nameIn, textIn, webAddressIn } from '../shared/told-values.ts';
import { isMetaMedia } from './media-hosts.ts';
import { at } from './webhooks-item.ts';

/** By Meta's types of Messenger and Instagram; what is missing is `other`. */
const kinds: Readonly<Record<string, SeenAttachment['kind']>> = {
  image: 'image',
  animated_image: 'image',
  video: 'video',
  reel: 'video',
  ig_reel: 'video',
  audio: 'audio',
  file: 'document',
  sticker: 'sticker',
  post: 'link',
  ig_post: 'link',
  share: 'link',
  fallback: 'link',
};

/** More than a message has. */
const mostAttachments = 100;

/** The files, shares and links of a message. Ids of their own they have in histories alone, so that each is named by its place. */
export function attachmentsOf(told: unknown, mid: string): SeenAttachment[] {
  return asList(told)
    .slice(0, mostAttachments)
    .flatMap((entry, n) => {
      const of = asObject(entry);
      return of ? [attachmentOf(of, n, mid)] : [];
    });
}

function attachmentOf(of: JsonObject, n: number, mid: string): SeenAttachment {
  const payload = at(of, 'payload');
  const type = textIn(of['type']) ?? '';
  const told = Object.hasOwn(kinds, type) ? (kinds[type] ?? 'other') : 'other';
  const url = webAddressIn(payload?.['url']) ?? webAddressIn(of['url']);
  const isFile = url !== null && (told !== 'link' || isMetaMedia(url));
  return {
    ...plainAttachment(String(n), told === 'link' && isFile ? 'other' : told),
    fileName: nameIn(payload?.['title']) ?? nameIn(payload?.['name']) ?? nameIn(of['title']),
    url,
    source: isFile ? { message: mid, place: n, url } : null,
  };
}

/** An attachment of which nothing else is known. */
export const plainAttachment = (key: string, kind: SeenAttachment['kind']): SeenAttachment => ({
  key,
  kind,
  mimeType: null,
  size: null,
  fileName: null,
  duration: null,
  width: null,
  height: null,
  voice: false,
  unavailable: false,
  url: null,
  urlExpiresAt: null,
  source: null,
});

/** The text that a template shows, which has no text beside it. */
export function templateTextIn(attachments: unknown): string | null {
  const template = asList(attachments)
    .map(asObject)
    .find((one) => one?.['type'] === 'template');
  const payload = at(template, 'payload');
  const element =
    asObject(asList(payload?.['elements'])[0]) ?? asObject(asList(at(payload, 'generic')?.['elements'])[0]);
  return messageTextIn(payload?.['text']) ?? messageTextIn(element?.['title']);
}

/** Where a message came from: buttons, links, advertisements and stories. */
export function contextOf(of: JsonObject): { context?: MessageContext } {
  const payload = payloadIn(at(of, 'quick_reply')?.['payload']) ?? payloadIn(of['payload']);
  const referral = referralOf(at(of, 'referral'));
  const story = storyOf(of);
  const isUnsupported = flagIn(of['is_unsupported']) === true;
  const context: MessageContext = {
    ...(payload !== null && { payload }),
    ...(referral && { referral }),
    ...(story && { story }),
    ...(isUnsupported && { contentType: 'unsupported' }),
  };
  return Object.keys(context).length ? { context } : {};
}

const longestPayload = 2_000;
export const payloadIn = (value: unknown): string | null => messageTextIn(textIn(value)?.slice(0, longestPayload));

export function referralOf(of: JsonObject | null): MessageReferral | null {
  if (!of) return null;
  const told = {
    source: nameIn(of['source']) ?? nameIn(of['source_type']),
    type: nameIn(of['type']) ?? nameIn(of['media_type']),
    ref: payloadIn(of['ref']),
    id: idIn(of['ad_id']) ?? idIn(of['source_id']),
    headline: nameIn(of['headline']) ?? nameIn(at(of, 'ads_context_data')?.['ad_title']),
    body: payloadIn(of['body']),
    url: webAddressIn(of['source_url']) ?? webAddressIn(of['referer_uri']),
  };
  const known = Object.entries(told).filter(([, value]) => value !== null);
  return known.length ? Object.fromEntries(known) : null;
}

/** The story that a message answers, or one that mentions the account. */
function storyOf(of: JsonObject): MessageContext['story'] | null {
  const answered = at(at(of, 'reply_to'), 'story');
  if (answered) return { kind: 'reply', id: idIn(answered['id']), url: webAddressIn(answered['url']) };
  const mention = asList(of['attachments'])
    .map(asObject)
    .find((one) => one?.['type'] === 'story_mention');
  if (!mention) return null;
  const payload = at(mention, 'payload');
  return { kind: 'mention', id: idIn(payload?.['id']), url: webAddressIn(payload?.['url']) };
}
