import { defineEntity, p } from '@mikro-orm/core';
import type {
  ChangedField,
  ChangeState,
  ConversationKind,
  ProviderWord,
  ToldTimes,
} from '../../domain/conversations.ts';
import type { MediaSource } from '../../domain/seen-messages.ts';

const ConversationSchema = defineEntity({
  name: 'Conversation',
  tableName: 'conversations',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    providerConversationId: p.text(),
    kind: p.text().$type<ConversationKind>(),
    /** A group's or channel's; a conversation with one person is named after the person. */
    name: p.text().strictNullable(),
    lastMessageId: p.uuid().strictNullable(),
    lastMessageAt: p.datetime().strictNullable(),
    /** Incoming messages after `readUpTo`. */
    unreadCount: p.integer(),
    readUpTo: p.datetime().strictNullable(),
    /** Marked as unread by hand, whatever was read. */
    markedUnread: p.boolean(),
    muted: p.boolean(),
    /** Null while muted: for ever. */
    mutedUntil: p.datetime().strictNullable(),
    archived: p.boolean(),
    pinned: p.boolean(),
    readOnly: p.boolean(),
    labels: p.array().$type<string[]>(),
    /** Of fields that a webhook told, or whose value the provider changed. */
    toldAt: p.json().$type<ToldTimes>(),
    /** When the person of a conversation of two last did something that opens its window. */
    lastActionAt: p.datetime().strictNullable().default(null),
    /** What the account had sent by then was delivered, and was read, where the provider tells that by a time. */
    deliveredUpTo: p.datetime().strictNullable().default(null),
    seenUpTo: p.datetime().strictNullable().default(null),
    /** What the provider needs to give the picture of a group; null where it named none. */
    pictureSource: p.json().$type<MediaSource>().strictNullable(),
    pictureMediaId: p.uuid().strictNullable(),
    /** When the provider was last asked for the picture. */
    pictureCheckedAt: p.datetime().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    /** When a change that answers show was last written, by PostgreSQL's clock. The database sets it. */
    changedAt: p.datetime().defaultRaw('change_time()'),
  },
});
export class Conversation extends ConversationSchema.class {}
ConversationSchema.setClass(Conversation);

const AttendeeSchema = defineEntity({
  name: 'Attendee',
  tableName: 'attendees',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    /** A canonical identity where the channel has one, else the provider's id. */
    providerAttendeeId: p.text(),
    /** As the provider names the person; a contact's names count more. */
    name: p.text().strictNullable(),
    /** When the person had that name last, by the provider's time. */
    namedAt: p.datetime().strictNullable(),
    phoneNumber: p.text().strictNullable(),
    /** The account's owner. */
    isSelf: p.boolean(),
    /** The name is to be asked for: messages come without it. */
    profileDue: p.boolean().default(false),
    pictureUrl: p.text().strictNullable(),
    /** What the provider needs to give the picture; null where it named none. */
    pictureSource: p.json().$type<MediaSource>().strictNullable(),
    pictureMediaId: p.uuid().strictNullable(),
    /** When the provider was last asked for the picture. */
    pictureCheckedAt: p.datetime().strictNullable(),
    /** The row of the same person that counts: a number's and a LID's are one once the provider says so. */
    mergedInto: p.uuid().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
export class Attendee extends AttendeeSchema.class {}
AttendeeSchema.setClass(Attendee);

const ConversationAttendeeSchema = defineEntity({
  name: 'ConversationAttendee',
  tableName: 'conversation_attendees',
  properties: {
    conversationId: p.uuid().primary(),
    attendeeId: p.uuid().primary(),
    tenantId: p.uuid(),
    /** A time at which the attendee was a member; null where none is known. Messages of the attendee may show a later one. */
    memberAt: p.datetime().strictNullable(),
  },
});
export class ConversationAttendee extends ConversationAttendeeSchema.class {}
ConversationAttendeeSchema.setClass(ConversationAttendee);

const ConversationDepartureSchema = defineEntity({
  name: 'ConversationDeparture',
  tableName: 'conversation_departures',
  properties: {
    conversationId: p.uuid().primary(),
    attendeeId: p.uuid().primary(),
    tenantId: p.uuid(),
    leftAt: p.datetime(),
  },
});
/** When an attendee last left a conversation, or was removed from it. */
export class ConversationDeparture extends ConversationDepartureSchema.class {}
ConversationDepartureSchema.setClass(ConversationDeparture);

const ProviderKeySchema = defineEntity({
  name: 'ProviderKey',
  tableName: 'provider_keys',
  properties: {
    accountId: p.uuid().primary(),
    kind: p.text().$type<'message' | 'conversation' | 'attendee'>().primary(),
    key: p.text().primary(),
    tenantId: p.uuid(),
    /** Null: only events about it came so far. */
    targetId: p.uuid().strictNullable(),
    createdAt: p.datetime(),
  },
});
/** Every id under which a provider names a message, a conversation or an attendee: equal ones are one row. */
export class ProviderKey extends ProviderKeySchema.class {}
ProviderKeySchema.setClass(ProviderKey);

const ConversationHistorySchema = defineEntity({
  name: 'ConversationHistory',
  tableName: 'conversation_history',
  properties: {
    accountId: p.uuid().primary(),
    /** The provider's first id of the conversation. */
    key: p.text().primary(),
    tenantId: p.uuid(),
    conversationId: p.uuid(),
    /** The newest message there, when the provider last told. */
    providerNewestAt: p.datetime().strictNullable(),
    /** What the provider has between these two times is here. */
    coveredFrom: p.datetime().strictNullable(),
    coveredTo: p.datetime().strictNullable(),
    /** The sync that last met the conversation, and whether it is through with it. */
    runId: p.uuid(),
    isRead: p.boolean(),
    /** What that sync is reading: messages newer or older than those that are covered. Null between two passes. */
    pass: p.text().$type<'newer' | 'older'>().strictNullable(),
    /** The provider's, committed with the messages before it. */
    cursor: p.text().strictNullable(),
    passNewest: p.datetime().strictNullable(),
    passOldest: p.datetime().strictNullable(),
  },
});
/** How far a conversation at a provider was read. Two of them may be one conversation here. */
export class ConversationHistory extends ConversationHistorySchema.class {}
ConversationHistorySchema.setClass(ConversationHistory);

const ConversationChangeSchema = defineEntity({
  name: 'ConversationChange',
  tableName: 'conversation_changes',
  properties: {
    conversationId: p.uuid().primary(),
    field: p.text().$type<ChangedField>().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    state: p.text().$type<ChangeState>(),
    /** Grows with each request: what comes of an earlier one decides nothing about a later one. */
    version: p.integer(),
    /** What the provider had before, as far as is known. */
    providerHad: p.json().$type<ProviderWord>().strictNullable(),
    /** While it is pending. */
    nextTryAt: p.datetime(),
    /** Until then a call without an answer may still take effect. */
    unsureUntil: p.datetime().strictNullable(),
    tries: p.integer(),
    triedSince: p.datetime().strictNullable(),
    reason: p.text().strictNullable(),
    /** The provider's own words. */
    detail: p.text().strictNullable(),
    requestedAt: p.datetime(),
    syncedAt: p.datetime().strictNullable(),
  },
});
/** The newest change of one field of a conversation. The new value is in the conversation's row. */
export class ConversationChange extends ConversationChangeSchema.class {}
ConversationChangeSchema.setClass(ConversationChange);
