import { defineEntity, p } from '@mikro-orm/core';
import type { WebhookEventKind } from '../../domain/webhook-events.ts';

export type SyncKind = 'details' | 'contacts';

const WebhookRequestSchema = defineEntity({
  name: 'WebhookRequest',
  tableName: 'webhook_requests',
  properties: {
    id: p.uuid().primary(),
    /** Of its events; null while unmatched, and for a batch that is of several tenants. */
    tenantId: p.uuid().strictNullable(),
    credentialsId: p.uuid(),
    provider: p.text(),
    state: p.text().$type<'read' | 'unreadable'>(),
    /** Why its body is not kept. */
    error: p.text().strictNullable(),
    /** The raw body, sealed. */
    body: p.text().strictNullable(),
    /** What tells how the provider sent it. No secret. */
    headers: p.json().$type<Record<string, string>>(),
    receivedAt: p.datetime(),
  },
});
/** A webhook request as it arrived. Dropped by day, after `RAW_RETENTION_DAYS`. */
export class WebhookRequest extends WebhookRequestSchema.class {}
WebhookRequestSchema.setClass(WebhookRequest);

/** `received`: its effect is owed · `failed`: to be replayed · `unmatched`: of an account that is not known. */
export type WebhookEventState = 'received' | 'processed' | 'unmatched' | 'failed';

const WebhookEventSchema = defineEntity({
  name: 'WebhookEvent',
  tableName: 'webhook_events',
  properties: {
    id: p.uuid().primary(),
    requestId: p.uuid(),
    /** Its place among the request's events. */
    position: p.integer(),
    /** From the account; null while unmatched. */
    tenantId: p.uuid().strictNullable(),
    credentialsId: p.uuid(),
    provider: p.text(),
    accountId: p.uuid().strictNullable(),
    providerAccountId: p.text().strictNullable(),
    kind: p.text().$type<WebhookEventKind | 'unreadable'>(),
    /** The provider's own name of it. */
    type: p.text(),
    dedupeKey: p.text(),
    state: p.text().$type<WebhookEventState>(),
    error: p.text().strictNullable(),
    /** Deliveries of this very event, the first included. */
    deliveries: p.integer(),
    /** An account's workflow must still be signalled. */
    owesSignal: p.boolean(),
    /** That of its request. */
    receivedAt: p.datetime(),
    processedAt: p.datetime().strictNullable(),
  },
});
/** An event of a webhook request, and what became of it. */
export class WebhookEvent extends WebhookEventSchema.class {}
WebhookEventSchema.setClass(WebhookEvent);

const WebhookDedupeSchema = defineEntity({
  name: 'WebhookDedupe',
  tableName: 'webhook_dedupe',
  properties: {
    credentialsId: p.uuid().primary(),
    key: p.text().primary(),
    tenantId: p.uuid().strictNullable(),
    eventId: p.uuid(),
    /** That of the event. */
    receivedAt: p.datetime(),
  },
});
/** Which event a key stands for, so that a repeat is none. */
export class WebhookDedupe extends WebhookDedupeSchema.class {}
WebhookDedupeSchema.setClass(WebhookDedupe);

const SyncRunSchema = defineEntity({
  name: 'SyncRun',
  tableName: 'sync_runs',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    kind: p.text().$type<SyncKind>(),
    /** Of what the kind can have: empty for all of it, else what the workflow's id says too; no personal data. */
    scope: p.text(),
    /** The person or group of the scope, sealed; null for all, and once it is not kept any more. */
    target: p.text().strictNullable(),
    state: p.text().$type<'running' | 'succeeded' | 'failed' | 'cancelled'>(),
    dryRun: p.boolean(),
    /** A second trigger came while it ran: it goes once more. */
    again: p.boolean(),
    /** Where it goes on, committed with the rows before it. */
    cursor: p.text().strictNullable(),
    /** How much is done, from 0 to 1, as far as it is known. */
    part: p.float(),
    /** Who works on it, and until when nobody else does. */
    lease: p.text().strictNullable(),
    leaseUntil: p.datetime().strictNullable(),
    stats: p.json().$type<Record<string, unknown>>(),
    reason: p.text().strictNullable(),
    startedAt: p.datetime(),
    endedAt: p.datetime().strictNullable(),
  },
});
/** One run of a sync. */
export class SyncRun extends SyncRunSchema.class {}
SyncRunSchema.setClass(SyncRun);
