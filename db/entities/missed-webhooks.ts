import { defineEntity, p } from '@mikro-orm/core';

const MissedWebhooksSchema = defineEntity({
  name: 'MissedWebhooks',
  tableName: 'missed_webhooks',
  properties: {
    accountId: p.uuid().primary(),
    /** Of the tenant's zone, by the time at which the messages were sent. */
    day: p.date().primary(),
    tenantId: p.uuid(),
    missed: p.integer(),
    /** Sent while Patchbay took no webhooks in; not among the missed. */
    duringDowntime: p.integer(),
  },
});
/** How many messages of an account no webhook brought, by day. */
export class MissedWebhooks extends MissedWebhooksSchema.class {}
MissedWebhooksSchema.setClass(MissedWebhooks);

const WebhookWatchSchema = defineEntity({
  name: 'WebhookWatch',
  tableName: 'webhook_watches',
  properties: {
    accountId: p.uuid().primary(),
    tenantId: p.uuid(),
    /** When the first of the missed messages was sent. */
    since: p.datetime(),
    /** Sweeps that found missed messages. */
    sweeps: p.integer(),
    missed: p.integer(),
    /** The sweep that found some last: how many, and when the first of them was sent. */
    runId: p.uuid(),
    runMissed: p.integer(),
    runSince: p.datetime(),
    lastMissedAt: p.datetime(),
    /** Messages that webhooks brought in the same time, and when the last webhook came. */
    brought: p.integer(),
    lastWebhookAt: p.datetime().strictNullable(),
    /** Since when the account is degraded; null while it is watched only. */
    degradedAt: p.datetime().strictNullable(),
    /** The provider's ids of our webhooks. */
    registrations: p.json().$type<string[]>(),
    /** When the webhook was registered anew; null where that has not succeeded yet. */
    registeredAt: p.datetime().strictNullable(),
    registerTries: p.integer(),
    /** When it may be registered next. */
    registerAt: p.datetime().strictNullable(),
  },
});
/** An account of which webhooks missed messages lately. */
export class WebhookWatch extends WebhookWatchSchema.class {}
WebhookWatchSchema.setClass(WebhookWatch);

const IntakeUptimeSchema = defineEntity({
  name: 'IntakeUptime',
  tableName: 'intake_uptime',
  properties: {
    id: p.uuid().primary(),
    /** Always null: it is of the installation. */
    tenantId: p.uuid().strictNullable(),
    upFrom: p.datetime(),
    upTo: p.datetime(),
  },
});
/** From when to when an API process could store webhooks. */
export class IntakeUptime extends IntakeUptimeSchema.class {}
IntakeUptimeSchema.setClass(IntakeUptime);
