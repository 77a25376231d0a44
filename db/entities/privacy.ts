import { defineEntity, p } from '@mikro-orm/core';
import type { ErasureCounts } from '../../domain/erasure.ts';

const LedgerKeySchema = defineEntity({
  name: 'LedgerKey',
  tableName: 'ledger_keys',
  properties: {
    id: p.uuid().primary(),
    /** Null: the installation's, which serves every tenant. */
    tenantId: p.uuid().strictNullable(),
    /** The key in base64, sealed. */
    value: p.text(),
    createdAt: p.datetime(),
  },
});
/** The key of the digests that stand for people; random, and the same for the life of an installation. */
export class LedgerKey extends LedgerKeySchema.class {}
LedgerKeySchema.setClass(LedgerKey);

const ErasureSchema = defineEntity({
  name: 'Erasure',
  tableName: 'erasures',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    state: p.text().$type<'running' | 'done' | 'lifted'>(),
    /** Who is erased, sealed; gone with the last of their data, and not there yet where only digests tell. */
    target: p.text().strictNullable(),
    /** Done once more after a restore: whom it is about, the ledger's digests tell. */
    fromLedger: p.boolean().default(false),
    /** How much was erased, by place. */
    counts: p.json().$type<Partial<ErasureCounts>>(),
    requestedAt: p.datetime(),
    erasedAt: p.datetime().strictNullable(),
    liftedAt: p.datetime().strictNullable(),
  },
});
/** The erasure of one person, with its receipt. */
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
/** A line of the ledger: somebody whose data a tenant must not get back, by a keyed digest of one of their names. */
export class ErasedSubject extends ErasedSubjectSchema.class {}
ErasedSubjectSchema.setClass(ErasedSubject);

const WebhookSubjectSchema = defineEntity({
  name: 'WebhookSubject',
  tableName: 'webhook_subjects',
  properties: {
    requestId: p.uuid().primary(),
    digest: p.text().primary(),
    /** Null while it is not known whose event it is; the digest is of no tenant then, too. */
    tenantId: p.uuid().strictNullable(),
    /** That of the request. */
    receivedAt: p.datetime(),
  },
});
/** Somebody whom the sealed body of a webhook request speaks of, by digest. */
export class WebhookSubject extends WebhookSubjectSchema.class {}
WebhookSubjectSchema.setClass(WebhookSubject);
