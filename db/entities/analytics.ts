import { defineEntity, p } from '@mikro-orm/core';

const AnalyticsMarkSchema = defineEntity({
  name: 'AnalyticsMark',
  tableName: 'analytics_marks',
  properties: {
    tenantId: p.uuid(),
    accountId: p.uuid().primary(),
    /** In UTC. `-infinity`: all that the account has · `infinity`: the days of conversations that are gone. */
    hour: p.datetime().primary(),
    markedAt: p.datetime().primary(),
    /** The run that counts it; null until one does. */
    claim: p.uuid().strictNullable(),
  },
});
/** An hour of an account of which figures must be counted again. One hour may have several. */
export class AnalyticsMark extends AnalyticsMarkSchema.class {}
AnalyticsMarkSchema.setClass(AnalyticsMark);

const ConversationDaySchema = defineEntity({
  name: 'ConversationDay',
  tableName: 'conversation_days',
  properties: {
    conversationId: p.uuid().primary(),
    /** In the tenant's time zone. */
    day: p.date().primary(),
    /** Of messages that retention removed: added to, never counted again. */
    isKept: p.boolean().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    incoming: p.integer(),
    /** Those that went out. */
    outgoing: p.integer(),
    /** Of which the provider does not tell the direction. */
    unknown: p.integer(),
    deleted: p.integer(),
    /** That came as news, or by webhook: what webhooks are measured against. */
    live: p.integer(),
    sendsSent: p.integer(),
    sendsFailed: p.integer(),
    sendsUnclear: p.integer(),
    sendsCancelled: p.integer(),
    /** Null also where the day's first message is one that retention removed. */
    firstIncomingAt: p.datetime().strictNullable(),
    /** When the first message after it went out, on whatever day. */
    answeredAt: p.datetime().strictNullable(),
  },
});
/** What happened in one conversation on one day. */
export class ConversationDay extends ConversationDaySchema.class {}
ConversationDaySchema.setClass(ConversationDay);

const AccountDaySchema = defineEntity({
  name: 'AccountDay',
  tableName: 'account_days',
  properties: {
    accountId: p.uuid().primary(),
    /** In the tenant's time zone. */
    day: p.date().primary(),
    tenantId: p.uuid(),
    messagesTotal: p.integer(),
    messagesIncoming: p.integer(),
    messagesOutgoing: p.integer(),
    messagesDeleted: p.integer(),
    messagesLive: p.integer(),
    conversations: p.integer(),
    conversationsUnanswered: p.integer(),
    /** One for each conversation that was answered. */
    responseSeconds: p.array().$type<number[]>().columnType('int[]'),
    sendsSent: p.integer(),
    sendsFailed: p.integer(),
    sendsUnclear: p.integer(),
    sendsCancelled: p.integer(),
    syncsSucceeded: p.integer(),
    syncsFailed: p.integer(),
    webhooksMissed: p.integer(),
    webhooksMissedInDowntime: p.integer(),
    countedAt: p.datetime(),
  },
});
/** The figures of one account and day. */
export class AccountDay extends AccountDaySchema.class {}
AccountDaySchema.setClass(AccountDay);
