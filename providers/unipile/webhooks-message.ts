import type { DeliveryStatus, SeenConversation, SeenMessage, SeenPerson } from '../../domain/seen-messages.ts';
import { conversationEvents } from './seen-messages.ts';
import { epochMs, type ToldConversation } from '../../domain/webhook-events.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { countIn, eachOnce, emojiIn, flagIn, idIn, messageTextIn } from '../shared/told-values.ts';
import { addressesIn, chatKey, chatKind, isPartner, isStatusFeed } from '../shared/whatsapp-chats.ts';
import { readAttachments } from './webhooks-attachments.ts';
import { channelOf } from './ids.ts';
import { isWhatsApp, readPeople, typeOf, type ToldPeople } from './webhooks-people.ts';

/** A body of a messaging event: every one of them carries the whole message and its conversation. */
export interface ToldMessage {
  body: JsonObject;
  people: ToldPeople;
  messageKeys: readonly string[];
  conversationKeys: readonly string[];
  kind: SeenConversation['kind'] | null;
  direction: 'in' | 'out' | null;
  /** Milliseconds since the epoch. */
  at: number | null;
}

export function readTold(body: JsonObject): ToldMessage {
  const people = readPeople(body);
  const isSelf = people.sender ? people.sender.isSelf : flagIn(body['is_sender']);
  const direction = isSelf === null ? null : isSelf ? 'out' : 'in';
  const chat = idIn(body['provider_chat_id']);
  const kind = kindOf(body, chat);
  const onChannel = chat !== null && (isWhatsApp(body) || chat.includes('@')) ? chatKey(chat) : chat;
  const others = kind === 'person' && isWhatsApp(body) ? partnerKeys(body, people, onChannel, direction) : [];
  return {
    body,
    people,
    messageKeys: eachOnce([onChannelKey(body, idIn(body['provider_message_id'])), idIn(body['message_id'])]),
    conversationKeys: eachOnce([onChannel, ...others, idIn(body['chat_id'])]),
    kind,
    direction,
    at: epochMs(body['timestamp']),
  };
}

function kindOf(body: JsonObject, chat: string | null): SeenConversation['kind'] | null {
  const isGroup = flagIn(body['is_group']);
  const byAddress = isWhatsApp(body) || chat?.includes('@') ? chatKind(chat) : null;
  return byAddress ?? (isGroup === null ? null : isGroup ? 'group' : 'person');
}

/** The addresses of the other one in a conversation of two. */
function partnerKeys(
  body: JsonObject,
  { sender, attendees }: ToldPeople,
  chat: string | null,
  direction: ToldMessage['direction'],
): string[] {
  const named = [sender, ...attendees].find((one) => chat !== null && one?.keys.includes(chat));
  const isIncoming = direction === 'in' && flagIn(body['is_group']) === false;
  const partner = named ?? (isPartner(chat, sender?.keys ?? [], isIncoming) ? sender : null);
  return addressesIn([chat, ...(partner?.keys ?? [])]).map(({ value }) => value);
}

/** A message's id on the channel as a key. Telegram numbers the messages of each chat anew. */
function onChannelKey(body: JsonObject, id: string | null): string | null {
  const chat = channelOf(typeOf(body)) === 'telegram' ? idIn(body['provider_chat_id']) : null;
  return id === null || chat === null ? id : idIn(`${chat}:${id}`);
}

const quotedKey = (body: JsonObject, quoted: JsonObject | null): string | null => {
  const onChannel = idIn(quoted?.['provider_id']) ?? idIn(quoted?.['provider_message_id']);
  return onChannelKey(body, onChannel) ?? idIn(quoted?.['id']) ?? idIn(quoted?.['message_id']);
};

/** Whether a body names a message. */
export const namesMessage = ({ body, messageKeys }: ToldMessage): boolean =>
  messageKeys.length > 0 && !isStatusFeed(idIn(body['provider_chat_id']));

export function seenMessage({ body, people, messageKeys, conversationKeys, direction, at }: ToldMessage): SeenMessage {
  const reads = readsIn(body, people);
  const readBy = reads.flatMap(({ by, at: readAt }) => by.keys.slice(0, 1).map((key) => ({ by: key, at: readAt })));
  return {
    keys: messageKeys,
    conversationKeys,
    direction,
    sender: people.sender,
    text: messageTextIn(body['message']),
    sentAt: at,
    status: direction === 'out' ? statusOf(body) : null,
    ...(flagIn(body['edited']) && { editedAt: null }),
    deleted: flagIn(body['deleted']) ?? false,
    quotedKey: quotedKey(body, asObject(body['quoted'])),
    attachments: readAttachments(body['attachments'], idIn(body['message_id'])),
    reactions: asList(body['reactions']).flatMap((one) => reactionOf(asObject(one), people) ?? []),
    ...(readBy.length && { readBy }),
    ...(flagIn(body['is_event']) && { event: conversationEvents[countIn(body['event_type']) ?? 0] ?? 'unknown' }),
  };
}

/** UniPile tells of a message once it is sent. */
const statusOf = (body: JsonObject): DeliveryStatus => {
  if (flagIn(body['seen'])) return 'read';
  return flagIn(body['delivered']) ? 'delivered' : 'sent';
};

function reactionOf(told: JsonObject | null, people: ToldPeople): SeenMessage['reactions'][number] | null {
  const [emoji, sender] = [emojiIn(told?.['value']), idIn(told?.['sender_id'])];
  if (emoji === null || sender === null) return null;
  const by = people.named(sender);
  return { emoji, by: { ...by, isSelf: flagIn(told?.['is_sender']) ?? by.isSelf } };
}

export const seenConversation = ({ conversationKeys, kind, people }: ToldMessage): ToldConversation => ({
  keys: conversationKeys,
  ...(kind && { kind }),
  ...(people.attendees.length && { attendees: people.attendees }),
});

/** The people of `seen_by`, which is a map from each to a time or to yes. */
const readsIn = (body: JsonObject, people: ToldPeople): { by: SeenPerson; at: number | null }[] =>
  Object.entries(asObject(body['seen_by']) ?? {}).flatMap(([id, value]) => {
    const reader = idIn(id);
    return reader === null || flagIn(value) === false ? [] : [{ by: people.named(reader), at: epochMs(value) }];
  });

/** Each person that has read a message; one without a person where none is told, and in a conversation of two. */
export function readersOf({ body, people, kind, at }: ToldMessage): { by: SeenPerson | null; at: number | null }[] {
  const reads = readsIn(body, people).map((one) => ({ ...one, at: one.at ?? at }));
  return kind === 'person' || !reads.length ? [{ by: null, at: reads[0]?.at ?? at }] : reads;
}
