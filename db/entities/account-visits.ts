import { defineEntity, p } from '@mikro-orm/core';
import type { DetailsFault } from '../../domain/account-integrity.ts';
import type { VisitOutcome, WebhookState } from '../../domain/visits.ts';

const AccountVisitSchema = defineEntity({
  name: 'AccountVisit',
  tableName: 'account_visits',
  properties: {
    accountId: p.uuid().primary(),
    tenantId: p.uuid(),
    credentialsId: p.uuid().strictNullable(),
    /** The next visit, or when the lease of the present one ends; null for an account without a login. */
    dueAt: p.datetime().strictNullable(),
    /** Of the visit that is under way. */
    lease: p.uuid().strictNullable(),
    /** The account changed meanwhile: it is visited once more right after. */
    again: p.boolean(),
    visitedAt: p.datetime().strictNullable(),
    succeededAt: p.datetime().strictNullable(),
    failedAt: p.datetime().strictNullable(),
    outcome: p.text().$type<VisitOutcome>().strictNullable(),
    /** The code of the failure. */
    reason: p.text().strictNullable(),
    /** Failed visits in a row. */
    failures: p.integer(),
    intervalSeconds: p.integer().strictNullable(),
    /** Messages that the last visit found and no webhook had brought; when some were found last. */
    found: p.integer(),
    foundAt: p.datetime().strictNullable(),
    /** What is newer is asked for by the next visit, where the channel is polled. */
    newsAt: p.datetime().strictNullable(),
    /** Conversations of which the provider has more than is here; null where it keeps no history. */
    behind: p.integer().strictNullable(),
    /** Null: not known. */
    webhookState: p.text().$type<WebhookState>().strictNullable(),
    /** Addresses as they may be shown: without the token that makes them unguessable. */
    webhookExpected: p.text().strictNullable(),
    webhookActual: p.text().strictNullable(),
    webhookMissing: p.array().$type<string[]>(),
    webhookCheckedAt: p.datetime().strictNullable(),
    webhookRepairedAt: p.datetime().strictNullable(),
    /** Repairs since the webhook was right. */
    webhookRepairs: p.integer(),
    /** When a webhook of any kind came last. */
    lastEventAt: p.datetime().strictNullable(),
    /** The account's own habit: its longest silence, of which half is forgotten in two weeks. */
    usualGapSeconds: p.integer().strictNullable(),
    /** How many silences it is drawn from. */
    gaps: p.integer(),
    /** Since when it is silent for longer than it usually is; null where it is not. */
    silentSince: p.datetime().strictNullable(),
    /** When the provider showed that nothing was missed in that silence. */
    silenceExplainedAt: p.datetime().strictNullable(),
    detailsDueAt: p.datetime().strictNullable(),
    /** What was wrong with the stored details at the last visit; null: not checked. */
    detailsFaults: p.array().$type<DetailsFault[]>().strictNullable(),
  },
});
/** When an account is visited by the sweep of platforms, and what the last visit found. */
export class AccountVisit extends AccountVisitSchema.class {}
AccountVisitSchema.setClass(AccountVisit);
