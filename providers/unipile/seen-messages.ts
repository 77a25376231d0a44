import type { Channel } from '../../domain/channels.ts';
import type {
  ConversationEvent,
  DeliveryStatus,
  SeenMessage,
  SeenReaction,
  SeenRead,
} from '../../domain/seen-messages.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { epochMs } from '../../domain/webhook-events.ts';
import { countIn, eachOnce, emojiIn, flagIn, idIn, messageTextIn } from '../shared/told-values.ts';
import { canonicalKey, messageKey } from './ids.ts';
import { readAttachments } from './webhooks-attachments.ts';
import { personOf } from './seen-people.ts';

/** A `Message`; null for what has no id. */
export function readMessage(channel: Channel, entry: unknown): SeenMessage | null {
  const of = asObject(entry);
  const [id, providerId] = [idIn(of?.['id']), idIn(of?.['provider_id'])];
  if (!of || (id ?? providerId) === null) return null;
  const chatProviderId = idIn(of['chat_provider_id']);
  const chat = [idIn(of['chat_id']), chatProviderId === null ? null : canonicalKey(channel, chatProviderId)];
  const isOwn = flagIn(of['is_sender']);
  const sender = idIn(of['sender_id']);
  const quoted = idIn(asObject(of['quoted'])?.['provider_id']);
  const event = eventOf(of);
  return {
    keys: eachOnce([id, providerId === null ? null : messageKey(channel, providerId, chatProviderId)]),
    conversationKeys: eachOnce(chat),
    direction: isOwn === null ? null : isOwn ? 'out' : 'in',
    sender: sender === null ? null : senderOf(channel, of, sender, isOwn),
    text: messageTextIn(of['text']),
    sentAt: epochMs(of['timestamp']),
    status: isOwn === true ? statusOf(of) : null,
    ...(flagIn(of['edited']) === true && { editedAt: epochMs(of['edited_at']) }),
    deleted: flagIn(of['deleted']) === true,
    quotedKey: quoted === null ? null : messageKey(channel, quoted, chatProviderId),
    attachments: readAttachments(of['attachments'], id),
    reactions: readReactions(channel, of['reactions']),
    ...readersOf(channel, of['seen_by']),
    ...(event && { event }),
  };
}

function senderOf(channel: Channel, of: JsonObject, id: string, isSelf: boolean | null): SeenMessage['sender'] {
  const picture = idIn(of['sender_attendee_id']);
  return { ...personOf(channel, id, isSelf), pictureSource: picture === null ? null : { picture } };
}

function statusOf(of: JsonObject): DeliveryStatus {
  if (flagIn(of['seen']) === true) return 'read';
  return flagIn(of['delivered']) === true ? 'delivered' : 'sent';
}

/** More people than one message is shown with. */
const mostPeople = 5_000;

function readReactions(channel: Channel, listed: unknown): SeenReaction[] {
  return asList(listed)
    .slice(0, mostPeople)
    .flatMap((entry) => {
      const of = asObject(entry);
      const [emoji, by] = [emojiIn(of?.['value']), idIn(of?.['sender_id'])];
      if (emoji === null || by === null) return [];
      return [{ emoji, by: personOf(channel, by, flagIn(of?.['is_sender'])) }];
    });
}

/** `seen_by` has a date or a flag under each reader's id. */
function readersOf(channel: Channel, seenBy: unknown): { readBy?: SeenRead[] } {
  const readers = Object.entries(asObject(seenBy) ?? {})
    .slice(0, mostPeople)
    .flatMap(([reader, seen]) => {
      const id = idIn(reader);
      if (id === null || seen === null || flagIn(seen) === false) return [];
      return [{ by: canonicalKey(channel, id), at: flagIn(seen) === null ? epochMs(seen) : null }];
    });
  return readers.length ? { readBy: readers } : {};
}

/** By the numbers of UniPile's `event_type`. */
export const conversationEvents: readonly ConversationEvent[] = [
  'unknown',
  'reaction',
  'reaction',
  'group_created',
  'name_changed',
  'participant_added',
  'participant_removed',
  'participant_left',
  'missed_voice_call',
  'missed_video_call',
];

/** A message that UniPile hides is no message of a person. */
function eventOf(of: JsonObject): ConversationEvent | null {
  if (flagIn(of['is_event']) === true) return conversationEvents[countIn(of['event_type']) ?? 0] ?? 'unknown';
  return flagIn(of['hidden']) === true ? 'unknown' : null;
}
