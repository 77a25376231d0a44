import type { SeenAttachment, SeenMessage, SeenReaction } from '../../domain/seen-messages.ts';
import { epochMs } from '../../domain/webhook-events.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { countIn, emojiIn, flagIn, idIn, messageTextIn, nameIn, textIn, webAddressIn } from '../shared/told-values.ts';
import { readParticipant } from './seen-people.ts';
import { plainAttachment } from './webhooks-content.ts';
import { at } from './webhooks-item.ts';

/**
 * A message of a history. Null for one without an id, and for one that tells its id and time alone: its content cannot be
 * read any more, which does not say that it was deleted. `self`: ids of the account itself.
 */
export function readMessage(
  entry: unknown,
  conversationKeys: readonly string[],
  self: ReadonlySet<string>,
): SeenMessage | null {
  const of = asObject(entry);
  const id = idIn(of?.['id']);
  const sender = readParticipant(of?.['from'], self);
  if (!of || id === null || !sender) return null;
  const isOwn = sender.isSelf === true;
  const story = storyOf(at(of, 'story'));
  const isUnsupported = flagIn(of['is_unsupported']) === true;
  const context = { ...(story && { story }), ...(isUnsupported && { contentType: 'unsupported' }) };
  return {
    keys: [id],
    conversationKeys,
    direction: isOwn ? 'out' : 'in',
    sender,
    text: messageTextIn(of['message']),
    sentAt: epochMs(of['created_time']),
    status: isOwn ? 'sent' : null,
    deleted: false,
    quotedKey: idIn(at(of, 'reply_to')?.['mid']),
    attachments: filesOf(of, id),
    reactions: reactionsOf(of['reactions'], self),
    ...(Object.keys(context).length && { context }),
  };
}

/** In the order in which webhooks name them: files, then a sticker, then shares. */
export function filesOf(of: JsonObject, mid: string): SeenAttachment[] {
  const files = asList(at(of, 'attachments')?.['data']).slice(0, mostFiles).map(asObject);
  const sticker = webAddressIn(of['sticker']);
  const shares = asList(at(of, 'shares')?.['data']).slice(0, mostFiles).map(asObject);
  const told = [
    ...files.map((file) => file && fileOf(file)),
    ...(sticker === null ? [] : [{ kind: 'sticker' as const, url: sticker }]),
    ...shares.map(
      (share) => share && { kind: 'link' as const, url: webAddressIn(share['link']), fileName: nameIn(share['name']) },
    ),
  ];
  return told.flatMap((one, n): SeenAttachment[] => {
    if (!one) return [];
    const url = one.url ?? null;
    const source = one.kind === 'link' || url === null ? null : { message: mid, place: n, url };
    return [{ ...plainAttachment(String(n), one.kind), ...one, url, source }];
  });
}

const mostFiles = 100;

/** The address stands under a name by kind. */
function fileOf(of: JsonObject): Partial<SeenAttachment> & Pick<SeenAttachment, 'kind'> {
  const [image, video] = [at(of, 'image_data'), at(of, 'video_data')];
  const type = textIn(of['mime_type'])?.split(';')[0]?.toLowerCase() ?? '';
  const family = type.split('/')[0];
  const kind = image ? 'image' : video ? 'video' : family === 'audio' ? 'audio' : 'document';
  return {
    kind,
    mimeType: nameIn(type),
    size: countIn(of['size']),
    fileName: nameIn(of['name']),
    width: countIn((image ?? video)?.['width']),
    height: countIn((image ?? video)?.['height']),
    url: webAddressIn(image?.['url']) ?? webAddressIn(video?.['url']) ?? webAddressIn(of['file_url']),
  };
}

function storyOf(of: JsonObject | null): { kind: 'reply' | 'mention'; id: string | null; url: string | null } | null {
  const [mention, answered] = [at(of, 'mention'), at(of, 'reply_to')];
  const told = mention ?? answered;
  if (!told) return null;
  return {
    kind: mention ? 'mention' : 'reply',
    id: idIn(told['id']),
    url: webAddressIn(told['link']) ?? webAddressIn(told['url']),
  };
}

/** More people than one message is shown with. */
const mostPeople = 5_000;

const reactionsOf = (told: unknown, self: ReadonlySet<string>): SeenReaction[] =>
  asList(asObject(told)?.['data'])
    .slice(0, mostPeople)
    .flatMap((entry) => {
      const of = asObject(entry);
      const emoji = emojiIn(of?.['emoji']) ?? emojiIn(of?.['reaction']);
      const users = asList(asObject(of?.['users'])?.['data'] ?? of?.['users']).slice(0, mostPeople);
      if (emoji === null) return [];
      return users.flatMap((user) => {
        const by = readParticipant(user, self);
        return by ? [{ emoji, by }] : [];
      });
    });
