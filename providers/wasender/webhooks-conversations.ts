import type { ToldConversation } from '../../domain/webhook-events.ts';
import { asList } from '../json-object.ts';
import { countIn, eachOnce, flagIn, idIn, nameIn } from '../shared/told-values.ts';
import { addressesIn, chatKey, chatKind, isStatusFeed } from '../shared/whatsapp-chats.ts';
import { asObject, field, type Json } from './fields.ts';
import { readTime } from './webhooks-content.ts';
import { personOf } from './webhooks-key.ts';

/** The conversations of an event of chats or groups; entries without an address are left out. */
export const conversationsIn = (type: string, data: unknown): ToldConversation[] =>
  asList(data).flatMap((entry) => {
    const of = typeof entry === 'string' ? { id: entry } : asObject(entry);
    const id = idIn(field(of, 'id')) ?? idIn(field(of, 'jid'));
    const kind = chatKind(id);
    if (id === null || kind === null || isStatusFeed(id)) return [];
    const others = kind === 'person' ? [id, ...otherIds.map((name) => idIn(field(of, name)))] : [];
    const keys = eachOnce([chatKey(id), ...addressesIn(others).map(({ value }) => value)]);
    return [{ keys, kind, ...stateOf(of), ...membersOf(type, of) }];
  });

/** Where an entry of a person's chat has their other address. */
const otherIds = ['pnJid', 'lidJid', 'lid', 'phoneNumber'] as const;

type State = { -readonly [Name in keyof ToldConversation]?: ToldConversation[Name] };

/** What an entry tells of a conversation's state: an update has the changed fields alone. */
function stateOf(of: Json | null): State {
  const name = nameIn(field(of, 'subject')) ?? nameIn(field(of, 'name'));
  const unread = field(of, 'unreadCount');
  const unreadCount = countIn(unread);
  const archived = flagIn(eitherOf(of, 'archived', 'archive'));
  const pinned = eitherOf(of, 'pinned', 'pin');
  const lastMessageAt = readTime(field(of, 'conversationTimestamp'));
  return {
    ...(name !== null && { name }),
    ...(unreadCount !== null && { unreadCount }),
    // -1 is marked as unread; a number may tell of new messages alone.
    ...((unread === -1 || unreadCount === 0) && { markedUnread: unread === -1 }),
    ...(archived !== null && { archived }),
    // A time, or null and 0 for what is no longer pinned.
    ...(pinned !== undefined && { pinned: flagIn(pinned) ?? readTime(pinned) !== null }),
    ...mutedOf(of),
    ...(lastMessageAt !== null && { lastMessageAt }),
  };
}

/** A field under one of two names; null is a value. */
const eitherOf = (of: Json | null, name: string, other: string): unknown => {
  const value = field(of, name);
  return value === undefined ? field(of, other) : value;
};

/** -1 is for ever; null and 0 are not muted. */
function mutedOf(of: Json | null): State {
  const told = eitherOf(of, 'muteEndTime', 'mute');
  if (told === undefined) return {};
  return { mutedUntil: told === -1 ? 'forever' : readTime(told) };
}

/** Where an entry of a group has its people: as its members, or by what was done to them. */
type Members = 'attendees' | 'departed';
const memberLists = new Map<string, Members>([
  ['groups.upsert', 'attendees'],
  ['groups.update', 'attendees'],
]);
const actions = new Map<unknown, Members>([
  ['add', 'attendees'],
  ['promote', 'attendees'],
  ['demote', 'attendees'],
  ['remove', 'departed'],
  ['leave', 'departed'],
]);

/** The people that an entry of a group names. */
function membersOf(type: string, of: Json | null): Pick<ToldConversation, Members> {
  const list = type === 'group-participants.update' ? actions.get(field(of, 'action')) : memberLists.get(type);
  if (!list) return {};
  const people = asList(field(of, 'participants')).flatMap((one) => {
    const member = asObject(one);
    const named = member ? memberIds.map((name) => idIn(field(member, name))) : [idIn(one)];
    const addresses = addressesIn(named);
    return addresses.length
      ? [personOf(addresses, null, nameIn(field(member, 'notify') ?? field(member, 'name')))]
      : [];
  });
  return people.length ? { [list]: people } : {};
}

const memberIds = ['id', 'jid', 'lid', 'phoneNumber'] as const;
