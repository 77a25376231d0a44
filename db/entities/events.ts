import { defineEntity, p } from '@mikro-orm/core';
import type { SyncKind, SyncState } from '../../domain/syncs.ts';
import type { WebhookEventKind } from '../../domain/webhook-events.ts';

const WebhookRequestSchema = defineEntity({
  name: 'WebhookRequest',
  tableName: 'webhook_requests',
  properties: {
    id: p.uuid().primary(),
    /** Null while unmatched, and for a batch of several tenants. */
    tenantId: p.uuid().strictNullable(),
    credentialsId: p.uuid(),
    provider: p.text(),
    state: p.text().$type<'read' | 'unreadable'>(),
    /** Why the body is not kept. */
    error: p.text().strictNullable(),
    body: p.text().strictNullable(),
    /** How the provider sent it; no secrets. */
    headers: p.json().$type<Record<string, string>>(),
    receivedAt: p.datetime(),
  },
});
/** Dropped by day, after `RAW_RETENTION_DAYS`. */
export class WebhookRequest extends WebhookRequestSchema.class {}
WebhookRequestSchema.setClass(WebhookRequest);

/** `received`: its effect is owed · `failed`: to be replayed · `unmatched`: of an unknown account. */
export type WebhookEventState = 'received' | 'processed' | 'unmatched' | 'failed';

const WebhookEventSchema = defineEntity({
  name: 'WebhookEvent',
  tableName: 'webhook_events',
  properties: {
    id: p.uuid().primary(),
    requestId: p.uuid(),
    position: p.integer(),
    tenantId: p.uuid().strictNullable(),
    credentialsId: p.uuid(),
    provider: p.text(),
    accountId: p.uuid().strictNullable(),
    providerAccountId: p.text().strictNullable(),
    kind: p.text().$type<WebhookEventKind | 'unreadable'>(),
    type: p.text(),
    dedupeKey: p.text(),
    state: p.text().$type<WebhookEventState>(),
    error: p.text().strictNullable(),
    deliveries: p.integer(),
    /** An account's workflow must still be signalled. */
    owesSignal: p.boolean(),
    receivedAt: p.datetime(),
    processedAt: p.datetime().strictNullable(),
  },
});
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
    receivedAt: p.datetime(),
  },
});
/** The event of a key: a repeat has no second event. */
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
    /** Empty for a whole sync, else the part of the workflow id that names the scope; no personal data. */
    scope: p.text(),
    /** The person or group of the scope, sealed; null for a whole sync and after retention. */
    target: p.text().strictNullable(),
    state: p.text().$type<SyncState>(),
    dryRun: p.boolean(),
    /** Another trigger came during the run: it runs once more. */
    again: p.boolean(),
    /** Of a sweep's run: conversations without a newer message are not read; null: all are. */
    since: p.datetime().strictNullable().default(null),
    /** Committed with the rows before it. */
    cursor: p.text().strictNullable(),
    part: p.float(),
    /** The worker that holds the run, and until when. */
    lease: p.text().strictNullable(),
    leaseUntil: p.datetime().strictNullable(),
    stats: p.json().$type<Record<string, unknown>>(),
    reason: p.text().strictNullable(),
    startedAt: p.datetime(),
    endedAt: p.datetime().strictNullable(),
    /** Nothing is read until it is resumed. */
    pausedAt: p.datetime().strictNullable(),
    /** When it was resumed last, and how far it was then. */
    resumedAt: p.datetime().strictNullable(),
    resumedPart: p.float().strictNullable(),
  },
});
export class SyncRun extends SyncRunSchema.class {}
SyncRunSchema.setClass(SyncRun);
