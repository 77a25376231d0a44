import { defineEntity, p } from '@mikro-orm/core';
import type { ErasureCounts } from '../../domain/erasure.ts';

const LedgerKeySchema = defineEntity({
  name: 'LedgerKey',
  tableName: 'ledger_keys',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid().strictNullable(),
    /** Base64, sealed. */
    value: p.text(),
    createdAt: p.datetime(),
  },
});
/** The key of the digests of people: random, constant for the life of an installation. */
export class LedgerKey extends LedgerKeySchema.class {}
LedgerKeySchema.setClass(LedgerKey);

const ErasureSchema = defineEntity({
  name: 'Erasure',
  tableName: 'erasures',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    state: p.text().$type<'running' | 'done' | 'lifted'>(),
    /** The erased person, sealed; removed with the last data, and missing where only digests are known. */
    target: p.text().strictNullable(),
    /** Repeated after a restore: the ledger's digests name the person. */
    fromLedger: p.boolean().default(false),
    counts: p.json().$type<Partial<ErasureCounts>>(),
    requestedAt: p.datetime(),
    erasedAt: p.datetime().strictNullable(),
    liftedAt: p.datetime().strictNullable(),
  },
});
export class Erasure extends ErasureSchema.class {}
ErasureSchema.setClass(Erasure);

const ErasedSubjectSchema = defineEntity({
  name: 'ErasedSubject',
  tableName: 'erased_subjects',
  properties: {
    digest: p.text().primary(),
    tenantId: p.uuid().primary(),
    erasureId: p.uuid(),
    erasedAt: p.datetime(),
  },
});
/** A line of the ledger: an erased person's name, as a keyed digest. */
export class ErasedSubject extends ErasedSubjectSchema.class {}
ErasedSubjectSchema.setClass(ErasedSubject);

const WebhookSubjectSchema = defineEntity({
  name: 'WebhookSubject',
  tableName: 'webhook_subjects',
  properties: {
    requestId: p.uuid().primary(),
    digest: p.text().primary(),
    /** Null while the event's tenant is unknown; the digest is of no tenant then. */
    tenantId: p.uuid().strictNullable(),
    receivedAt: p.datetime(),
  },
});
/** A person named in the sealed body of a webhook request, as a digest. */
export class WebhookSubject extends WebhookSubjectSchema.class {}
WebhookSubjectSchema.setClass(WebhookSubject);
