import { defineEntity, p } from '@mikro-orm/core';

export type SyncKind = 'details' | 'contacts';

const WebhookEventSchema = defineEntity({
  name: 'WebhookEvent',
  tableName: 'webhook_events',
  uniques: [{ name: 'webhook_events_dedupe', properties: ['credentialsId', 'dedupeKey'] }],
  properties: {
    id: p.uuid().primary(),
    /** From the account; null while unmatched. */
    tenantId: p.uuid().strictNullable(),
    credentialsId: p.uuid(),
    provider: p.text(),
    accountId: p.uuid().strictNullable(),
    providerAccountId: p.text().strictNullable(),
    type: p.text(),
    dedupeKey: p.text(),
    state: p.text().$type<'received' | 'processed' | 'unmatched' | 'orphan' | 'failed'>(),
    error: p.text().strictNullable(),
    /** The raw body, sealed; null once its time is over. */
    body: p.text().strictNullable(),
    /** Deliveries of this very event, the first included. */
    deliveries: p.integer(),
    /** An account's workflow must still be told. */
    owesSignal: p.boolean(),
    receivedAt: p.datetime(),
    processedAt: p.datetime().strictNullable(),
  },
});
/** A webhook event as it arrived, and what became of it. */
export class WebhookEvent extends WebhookEventSchema.class {}
WebhookEventSchema.setClass(WebhookEvent);

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
