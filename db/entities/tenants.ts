import { defineEntity, p } from '@mikro-orm/core';
import type { DroppableName } from '../../domain/contact-fields.ts';
import type { DayHours } from '../../domain/hours.ts';
import type { QuietHours } from '../../domain/quiet-hours.ts';
import { usualReminderWeeks } from '../../domain/reminders.ts';
import type { Scope } from '../../domain/scopes.ts';
import type { StopReason } from '../../domain/sending-stops.ts';

const TenantSchema = defineEntity({
  name: 'Tenant',
  tableName: 'tenants',
  properties: {
    id: p.uuid().primary(),
    name: p.text().unique(),
    /** IANA name of the zone in which the tenant's days begin. */
    timeZone: p.text().default('UTC'),
    contactFields: p.array().$type<DroppableName[]>().strictNullable(),
    /** Dropped fields must still be cleared in existing contacts. */
    contactFieldsOwed: p.boolean().default(false),
    /** How long contacts are kept after their last confirmation; null: without limit. */
    contactRetentionDays: p.integer().strictNullable(),
    /** How long messages are kept after they were sent; null: without limit. */
    messageRetentionDays: p.integer().strictNullable().default(null),
    /** How far back conversations are read: days, and messages of each. */
    historyDays: p.integer().default(30),
    historyMessages: p.integer().default(200),
    /** Where owners may be sent after a login, and below; null: anywhere. */
    returnAddresses: p.array().$type<string[]>().strictNullable().default(null),
    createdAt: p.datetime(),
    /** Server, database and table in which the row was written; others than those of now: a dump was restored. */
    storedIn: p.text().defaultRaw('storage_place()'),
    /** Hours in which owners are reminded; null: at any time. */
    reminderHours: p.json().$type<DayHours>().strictNullable().default(null),
    /** How many weeks they are reminded; null: without end. */
    reminderWeeks: p.integer().strictNullable().default(usualReminderWeeks),
    /** Hours in which its accounts send nothing; null: none. */
    quietHours: p.json().$type<QuietHours>().strictNullable().default(null),
    /** What versions before `sending_stops` look at, which run beside this one during an upgrade. */
    sendingPausedAt: p.datetime().strictNullable().default(null),
  },
});
export class Tenant extends TenantSchema.class {}
TenantSchema.setClass(Tenant);

const SendingStopSchema = defineEntity({
  name: 'SendingStop',
  tableName: 'sending_stops',
  uniques: [{ name: 'sending_stops_reason', properties: ['tenantId', 'reason'] }],
  properties: {
    id: p.uuid().primary(),
    /** Null: all tenants. */
    tenantId: p.uuid().strictNullable(),
    reason: p.text().$type<StopReason>(),
    since: p.datetime(),
    /** What the one who stopped wrote beside it. */
    note: p.text().strictNullable(),
  },
});
/** While there is one of a tenant, or of all, nothing of it is sent. */
export class SendingStop extends SendingStopSchema.class {}
SendingStopSchema.setClass(SendingStop);

const ApiKeySchema = defineEntity({
  name: 'ApiKey',
  tableName: 'api_keys',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    /** SHA-256, hex; the key itself is never stored. */
    hash: p.text().unique(),
    /** The key's first characters, so that people can tell keys apart. */
    prefix: p.text(),
    name: p.text(),
    scopes: p.array().$type<Scope[]>(),
    createdAt: p.datetime(),
    revokedAt: p.datetime().strictNullable(),
  },
});
export class ApiKey extends ApiKeySchema.class {}
ApiKeySchema.setClass(ApiKey);

const RealtimeTicketSchema = defineEntity({
  name: 'RealtimeTicket',
  tableName: 'realtime_tickets',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    /** The API key that made it. A socket of the ticket ends with this key. */
    keyId: p.uuid(),
    /** SHA-256, hex; the ticket itself is never stored. */
    hash: p.text().unique(),
    createdAt: p.datetime(),
    expiresAt: p.datetime(),
  },
});
/** Opens one socket. Its use deletes it. */
export class RealtimeTicket extends RealtimeTicketSchema.class {}
RealtimeTicketSchema.setClass(RealtimeTicket);

const IdempotencyKeySchema = defineEntity({
  name: 'IdempotencyKey',
  tableName: 'idempotency_keys',
  uniques: [{ name: 'idempotency_keys_scope', properties: ['tenantId', 'route', 'key'] }],
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    route: p.text(),
    key: p.text(),
    bodyDigest: p.text(),
    /** Until then the first request counts as running; afterwards a repeat may take over. */
    lockedUntil: p.datetime(),
    status: p.integer().strictNullable(),
    response: p.text().strictNullable(),
    createdAt: p.datetime(),
    expiresAt: p.datetime().index('idempotency_keys_expiry'),
  },
});
/** One use of an Idempotency-Key, with the answer for its repeats. */
export class IdempotencyKey extends IdempotencyKeySchema.class {}
IdempotencyKeySchema.setClass(IdempotencyKey);

const ProviderCredentialsSchema = defineEntity({
  name: 'ProviderCredentials',
  tableName: 'provider_credentials',
  properties: {
    id: p.uuid().primary(),
    /** Null: the installation's own, for tenants without theirs. */
    tenantId: p.uuid().strictNullable(),
    provider: p.text(),
    settings: p.text(),
    /** Sealed JSON list, the newest first; more than one during rotation. */
    webhookSecrets: p.text(),
    webhookToken: p.text().unique(),
    /** Registered again when it changes. */
    registeredAddress: p.text().strictNullable(),
    registrations: p.json().$type<string[]>(),
    /** When the webhook was last made anew, because it did not bring all messages. */
    renewedAt: p.datetime().strictNullable(),
    /** Since when the provider refuses the key; null while it accepts it. */
    refusedAt: p.datetime().strictNullable(),
    /** When the provider is asked next whether it accepts the key again. */
    probeAt: p.datetime().strictNullable(),
    /** How often it was asked since `refusedAt`. */
    probes: p.integer(),
    /** Until then one process registers the webhooks, and others wait. */
    registeringUntil: p.datetime().strictNullable().default(null),
    /** The most calls in any minute, of all accounts; null: no limit. */
    callsPerMinute: p.integer().strictNullable(),
    /** When accounts of these credentials were visited last, and until when none is, because their provider has trouble. */
    visitsAt: p.datetime().strictNullable().default(null),
    visitsRestUntil: p.datetime().strictNullable().default(null),
    /** Groups of visits in a row of which most failed for the provider's trouble. */
    visitsFailures: p.integer().default(0),
    /** How long a visit's calls take, in milliseconds, as a moving average. */
    visitsMs: p.double().default(0),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
/** A tenant's or the installation's credentials at a provider; they own one webhook registration. */
export class ProviderCredentials extends ProviderCredentialsSchema.class {}
ProviderCredentialsSchema.setClass(ProviderCredentials);

const CallBucketSchema = defineEntity({
  name: 'CallBucket',
  tableName: 'call_buckets',
  properties: {
    credentialsId: p.uuid().primary(),
    tenantId: p.uuid().strictNullable(),
    /** What was left at that time. */
    calls: p.double(),
    at: p.datetime(),
  },
});
/** The calls that credentials may make; a row once their first call within a limit is made. */
export class CallBucket extends CallBucketSchema.class {}
CallBucketSchema.setClass(CallBucket);

const CallPressureSchema = defineEntity({
  name: 'CallPressure',
  tableName: 'call_pressures',
  properties: {
    credentialsId: p.uuid().primary(),
    /** What the limit is of; empty: all calls with the credentials. */
    name: p.text().primary(),
    tenantId: p.uuid().strictNullable(),
    percent: p.double(),
    until: p.datetime(),
    nextAt: p.datetime(),
  },
});
/** A provider's limit that is nearly full, or full; a row while it counts. */
export class CallPressure extends CallPressureSchema.class {}
CallPressureSchema.setClass(CallPressure);

const WebhookSecretHashSchema = defineEntity({
  name: 'WebhookSecretHash',
  tableName: 'webhook_secret_hashes',
  properties: {
    credentialsId: p.uuid().primary(),
    hash: p.text().primary(),
    tenantId: p.uuid().strictNullable(),
  },
});
/** Finds credentials by a keyed hash of a webhook secret. */
export class WebhookSecretHash extends WebhookSecretHashSchema.class {}
WebhookSecretHashSchema.setClass(WebhookSecretHash);
