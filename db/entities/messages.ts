import { defineEntity, p } from '@mikro-orm/core';
import type { UnavailableReason } from '../../domain/media.ts';
import type { MessageEffect as Effect, MessageStatus, Reaction, Teller, TextVersion } from '../../domain/messages.ts';
import type { MessageExtras } from '../../domain/message-extras.ts';
import type { SeenAttachment } from '../../domain/seen-messages.ts';

const MessageSchema = defineEntity({
  name: 'Message',
  tableName: 'messages',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    conversationId: p.uuid(),
    providerMessageId: p.text().strictNullable(),
    /** Orders messages of one time. */
    sortKey: p.text(),
    /** Null where the provider does not say who wrote it. */
    direction: p.text().$type<'in' | 'out'>().strictNullable(),
    senderId: p.uuid().strictNullable(),
    /** What it says now; null where there is no text, and once it was deleted. */
    text: p.text().strictNullable(),
    /** Every text that it had, where it had several. */
    versions: p.json().$type<TextVersion[]>(),
    status: p.text().$type<MessageStatus>(),
    sentAt: p.datetime(),
    /** False: the provider gave no time, and `sentAt` is when we received it. */
    sentAtKnown: p.boolean(),
    editedAt: p.datetime().strictNullable(),
    deletedAt: p.datetime().strictNullable(),
    /** False: only an unsigned webhook said so, and the text is kept. */
    deletionConfirmed: p.boolean(),
    toldBy: p.text().$type<Teller>(),
    /** Came as news, not as history. */
    isLive: p.boolean(),
    /** What happened in the conversation, where nobody wrote it. */
    event: p.text().strictNullable(),
    quotedKey: p.text().strictNullable(),
    reactions: p.json().$type<Reaction[]>(),
    /** Beside what it says; null where nothing is known. */
    extras: p.json().$type<MessageExtras>().strictNullable().default(null),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    /** When a change that answers show was last written, by PostgreSQL's clock. The database sets it. */
    changedAt: p.datetime().defaultRaw('change_time()'),
  },
});
export class Message extends MessageSchema.class {}
MessageSchema.setClass(Message);

const MessageReceiptSchema = defineEntity({
  name: 'MessageReceipt',
  tableName: 'message_receipts',
  properties: {
    messageId: p.uuid().primary(),
    attendeeId: p.uuid().primary(),
    tenantId: p.uuid(),
    status: p.text().$type<MessageStatus>(),
    at: p.datetime(),
  },
});
/** How far a message came to one attendee of a group. */
export class MessageReceipt extends MessageReceiptSchema.class {}
MessageReceiptSchema.setClass(MessageReceipt);

const AttachmentSchema = defineEntity({
  name: 'Attachment',
  tableName: 'attachments',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    messageId: p.uuid(),
    key: p.text(),
    kind: p.text().$type<SeenAttachment['kind']>(),
    mimeType: p.text().strictNullable(),
    fileName: p.text().strictNullable(),
    /** In bytes. */
    size: p.bigint('number').strictNullable(),
    width: p.integer().strictNullable(),
    height: p.integer().strictNullable(),
    durationMs: p.integer().strictNullable(),
    isVoice: p.boolean(),
    /** The provider has the bytes no more. */
    unavailable: p.boolean(),
    /** What the provider needs to give the bytes, sealed: it may hold keys. */
    source: p.text().strictNullable(),
    /** The stored file; null: it is not here. */
    mediaId: p.uuid().strictNullable(),
    /** When to fetch it from the provider; null: it is here, or cannot be had. */
    fetchDueAt: p.datetime().strictNullable(),
    /** Failed fetches, those left out that failed for a reason of the account. */
    fetchTries: p.integer().default(0),
    unavailableWhy: p.text().$type<UnavailableReason>().strictNullable(),
    createdAt: p.datetime(),
  },
  uniques: [{ properties: ['messageId', 'key'], name: 'attachments_of_message' }],
});
export class Attachment extends AttachmentSchema.class {}
AttachmentSchema.setClass(Attachment);

const MessageEffectSchema = defineEntity({
  name: 'MessageEffect',
  tableName: 'message_effects',
  properties: {
    accountId: p.uuid().primary(),
    key: p.text().primary(),
    digest: p.text().primary(),
    tenantId: p.uuid(),
    effect: p.json().$type<Effect>(),
    createdAt: p.datetime(),
  },
});
/** An edit, deletion, receipt or reaction that came before its message; the message's insertion applies it. */
export class MessageEffect extends MessageEffectSchema.class {}
MessageEffectSchema.setClass(MessageEffect);
