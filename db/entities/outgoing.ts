import { defineEntity, p } from '@mikro-orm/core';
import type { DeliveryError, DeliveryState } from '../../domain/deliveries.ts';
import type { EventType } from '../../domain/events.ts';

const WebhookEndpointSchema = defineEntity({
  name: 'WebhookEndpoint',
  tableName: 'webhook_endpoints',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    url: p.text(),
    description: p.text().strictNullable(),
    /** Null: all types of events. */
    types: p.array().$type<EventType[]>().strictNullable(),
    /** Ids of accounts; null: all of the tenant. */
    accounts: p.array().$type<string[]>().strictNullable(),
    /** Sealed JSON object: headers that go with each delivery. */
    headers: p.text().strictNullable(),
    /** Sealed JSON list of `SigningSecret`, the present one first. */
    secrets: p.text(),
    eventsPerRequest: p.integer(),
    enabled: p.boolean(),
    /** Why it was disabled by Patchbay: `gone` after a 410. */
    disabledReason: p.text().$type<'gone'>().strictNullable(),
    /** The last event of the feed that became a delivery, or was left out. */
    stamp: p.bigint('number'),
    seq: p.bigint('number'),
    /** Deliveries that failed in a row. */
    failures: p.integer(),
    /** Since when the circuit is open; null while it is closed. */
    pausedAt: p.datetime().strictNullable(),
    /** When one delivery is tried while the circuit is open. */
    probeAt: p.datetime().strictNullable(),
    /** When a delivery can be tried next; null where none waits, and while a worker has the endpoint. */
    dueAt: p.datetime().strictNullable(),
    /** The worker that delivers to it, and until when it may, by the time of the database's machine. */
    leasedBy: p.uuid().strictNullable(),
    leasedUntil: p.datetime().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
/** An address of the application to which events are delivered. */
export class WebhookEndpoint extends WebhookEndpointSchema.class {}
WebhookEndpointSchema.setClass(WebhookEndpoint);

const WebhookDeliverySchema = defineEntity({
  name: 'WebhookDelivery',
  tableName: 'webhook_deliveries',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    endpointId: p.uuid().primary(),
    /** The event's place in the feed. */
    stamp: p.bigint('number'),
    seq: p.bigint('number'),
    /** The conversation, else the account: deliveries of one lane go one after the other. */
    lane: p.uuid(),
    type: p.text().$type<EventType | 'resync'>(),
    /** Null for `resync`. */
    accountId: p.uuid().strictNullable(),
    /** The event's own data: ids and words of ours. */
    data: p.json().$type<Record<string, unknown>>(),
    eventAt: p.datetime(),
    state: p.text().$type<DeliveryState>(),
    tries: p.integer(),
    createdAt: p.datetime().primary(),
    /** Of those that wait. */
    nextTryAt: p.datetime().strictNullable(),
    /** It is tried until then. */
    giveUpAt: p.datetime(),
    triedAt: p.datetime().strictNullable(),
    /** The status of the last answer; null where none came. */
    status: p.integer().strictNullable(),
    error: p.text().$type<DeliveryError>().strictNullable(),
    tookMs: p.integer().strictNullable(),
    /** The beginning of the last answer's body, at most 1,024 bytes of it. */
    answer: p.text().strictNullable(),
  },
});
/** An event on its way to an endpoint. Dropped by day, after `DELIVERY_RETENTION_DAYS`. */
export class WebhookDelivery extends WebhookDeliverySchema.class {}
WebhookDeliverySchema.setClass(WebhookDelivery);

const TenantEventSchema = defineEntity({
  name: 'TenantEvent',
  tableName: 'tenant_events',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    at: p.datetime(),
    kind: p.text(),
    /** No secrets and no personal data. */
    text: p.text(),
    data: p.json().$type<Record<string, unknown>>(),
  },
});
/** A line of the timeline of a tenant. */
export class TenantEvent extends TenantEventSchema.class {}
TenantEventSchema.setClass(TenantEvent);
