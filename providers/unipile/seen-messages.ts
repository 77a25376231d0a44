import type { Channel } from '../../domain/channels.ts';
import type {
  ConversationEvent,
  DeliveryStatus,
  SeenMessage,
  SeenReaction,
  SeenRead,
} from '../../domain/seen-messages.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { asFlag, asId, asNumber, asText, asTime } from '../shared/json-fields.ts';
import { canonicalKey, messageKey } from './ids.ts';
import { readAttachments } from './seen-attachments.ts';
import { personOf } from './seen-people.ts';

/** A `Message`; null for what has no id. */
export function readMessage(channel: Channel, entry: unknown): SeenMessage | null {
  const of = asObject(entry);
  const [id, providerId] = [asId(of?.['id']), asId(of?.['provider_id'])];
  if (!of || (id ?? providerId) === null) return null;
  const chatProviderId = asId(of['chat_provider_id']);
  const chat = [asId(of['chat_id']), chatProviderId === null ? null : canonicalKey(channel, chatProviderId)];
  const isOwn = asFlag(of['is_sender']);
  const sender = asId(of['sender_id']);
  const quoted = asId(asObject(of['quoted'])?.['provider_id']);
  const event = eventOf(of);
  return {
    keys: known([id, providerId === null ? null : messageKey(channel, providerId, chatProviderId)]),
    conversationKeys: known(chat),
    direction: isOwn === null ? null : isOwn ? 'out' : 'in',
    sender: sender === null ? null : senderOf(channel, of, sender, isOwn),
    text: asText(of['text']),
    sentAt: asTime(of['timestamp']),
    status: isOwn === true ? statusOf(of) : null,
    ...(asFlag(of['edited']) === true && { editedAt: asTime(of['edited_at']) }),
    deleted: asFlag(of['deleted']) === true,
    quotedKey: quoted === null ? null : messageKey(channel, quoted, chatProviderId),
    attachments: readAttachments(id, of['attachments']),
    reactions: readReactions(channel, of['reactions']),
    ...readersOf(channel, of['seen_by']),
    ...(event && { event }),
  };
}

const known = (ids: readonly (string | null)[]): string[] => [...new Set(ids.filter((id) => id !== null))];

function senderOf(channel: Channel, of: JsonObject, id: string, isSelf: boolean | null): SeenMessage['sender'] {
  const picture = asId(of['sender_attendee_id']);
  return { ...personOf(channel, id, isSelf), pictureSource: picture === null ? null : { picture } };
}

function statusOf(of: JsonObject): DeliveryStatus {
  if (asFlag(of['seen']) === true) return 'read';
  return asFlag(of['delivered']) === true ? 'delivered' : 'sent';
}

/** More people than one message is shown with. */
const mostPeople = 5_000;

function readReactions(channel: Channel, listed: unknown): SeenReaction[] {
  return asList(listed)
    .slice(0, mostPeople)
    .flatMap((entry) => {
      const of = asObject(entry);
      const [emoji, by] = [asText(of?.['value']), asId(of?.['sender_id'])];
      if (emoji === null || by === null) return [];
      return [{ emoji, by: personOf(channel, by, asFlag(of?.['is_sender'])) }];
    });
}

/** `seen_by` has a date or a flag under each reader's id. */
function readersOf(channel: Channel, seenBy: unknown): { readBy?: SeenRead[] } {
  const readers = Object.entries(asObject(seenBy) ?? {})
    .slice(0, mostPeople)
    .flatMap(([reader, seen]) => {
      const id = asId(reader);
      if (id === null || seen === null || asFlag(seen) === false) return [];
      return [{ by: canonicalKey(channel, id), at: asFlag(seen) === null ? asTime(seen) : null }];
    });
  return readers.length ? { readBy: readers } : {};
}

/** By UniPile's numbers. */
const events: readonly ConversationEvent[] = [
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
  if (asFlag(of['is_event']) === true) return events[asNumber(of['event_type']) ?? 0] ?? 'unknown';
  return asFlag(of['hidden']) === true ? 'unknown' : null;
}
