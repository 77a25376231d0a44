import { defineEntity, p } from '@mikro-orm/core';
import type { StoredPerson } from '../../domain/recipients.ts';
import type { SendOptions } from '../../domain/send-options.ts';
import type { HoldReason, SendState } from '../../domain/sends.ts';

const MessageSendSchema = defineEntity({
  name: 'MessageSend',
  tableName: 'message_sends',
  properties: {
    messageId: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    conversationId: p.uuid(),
    /** Its place among the sends of its conversation. */
    position: p.integer(),
    state: p.text().$type<SendState>(),
    /** When it is to be sent; null: as soon as possible. */
    dueAt: p.datetime().strictNullable(),
    /** When it is worked on next, while it is open. */
    nextTryAt: p.datetime(),
    /** How often the provider was asked to send it. */
    tries: p.integer(),
    /** How often it was looked for since the last try. */
    looks: p.integer(),
    /** Committed before the provider is called; null once it is known that it was not sent. */
    sentMarkAt: p.datetime().strictNullable(),
    /** When the provider's call ended without an answer; null where that is not known. */
    callEndedAt: p.datetime().strictNullable(),
    /** The people that a new conversation is begun with; empty for a conversation that the provider knows. */
    recipients: p.json().$type<StoredPerson[]>(),
    /** A template, quick replies, a tag; null where it has none. */
    options: p.json().$type<SendOptions>().strictNullable().default(null),
    reason: p.text().strictNullable(),
    /** The provider's own words. */
    detail: p.text().strictNullable(),
    createdAt: p.datetime(),
    endedAt: p.datetime().strictNullable(),
  },
});
/** A message that is to be sent; written in the transaction that writes the message. */
export class MessageSend extends MessageSendSchema.class {}
MessageSendSchema.setClass(MessageSend);

const SendQueueSchema = defineEntity({
  name: 'SendQueue',
  tableName: 'send_queues',
  properties: {
    accountId: p.uuid().primary(),
    tenantId: p.uuid(),
    /** The activity that drains the queue, or `starting`. */
    lease: p.text().strictNullable(),
    leaseUntil: p.datetime().strictNullable(),
    /** Its workflow waits for `wakeAt`, or for a signal. */
    sleeps: p.boolean(),
    wakeAt: p.datetime().strictNullable(),
    /** Nothing of the account is sent until then. */
    holdsUntil: p.datetime().strictNullable(),
    holdsFor: p.text().$type<HoldReason>().strictNullable(),
  },
});
/** The sends of one account. */
export class SendQueue extends SendQueueSchema.class {}
SendQueueSchema.setClass(SendQueue);

const SendCallSchema = defineEntity({
  name: 'SendCall',
  tableName: 'send_calls',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    at: p.datetime(),
  },
});
/** One call that sends, for the limits of its account; kept for a day. */
export class SendCall extends SendCallSchema.class {}
SendCallSchema.setClass(SendCall);
