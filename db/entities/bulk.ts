import { defineEntity, p } from '@mikro-orm/core';
import type { BulkFilter, BulkItemState, BulkKind, BulkOptions, BulkPlace, BulkState } from '../../domain/bulk.ts';

const BulkOperationSchema = defineEntity({
  name: 'BulkOperation',
  tableName: 'bulk_operations',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    kind: p.text().$type<BulkKind>(),
    filter: p.json().$type<BulkFilter>(),
    options: p.json().$type<BulkOptions>(),
    /** The person of an export of one person, sealed; null for all others, and once it has ended. */
    target: p.text().strictNullable(),
    /** The key that requested it; null for the command. */
    keyId: p.uuid().strictNullable(),
    state: p.text().$type<BulkState>(),
    reason: p.text().strictNullable(),
    /** How far accounts were found, or data was exported: from there it goes on. */
    place: p.json().$type<BulkPlace>().strictNullable(),
    /** Counts how often an export began anew: a file that was begun before is not kept. */
    generation: p.integer(),
    counts: p.json().$type<Record<string, number>>(),
    /** When its workflow is looked after at the latest; null where nothing is to be done. */
    dueAt: p.datetime().strictNullable(),
    createdAt: p.datetime(),
    endedAt: p.datetime().strictNullable(),
    /** When the files of an export go. */
    expiresAt: p.datetime().strictNullable(),
  },
});
export class BulkOperation extends BulkOperationSchema.class {}
BulkOperationSchema.setClass(BulkOperation);

const BulkItemSchema = defineEntity({
  name: 'BulkItem',
  tableName: 'bulk_items',
  properties: {
    operationId: p.uuid().primary(),
    accountId: p.uuid().primary(),
    tenantId: p.uuid(),
    state: p.text().$type<BulkItemState>(),
    /** Of a skipped or failed one. */
    reason: p.text().strictNullable(),
    /** The attempt or the sync that it became. */
    requestId: p.uuid().strictNullable(),
    tries: p.integer(),
    askedAt: p.datetime().strictNullable(),
    endedAt: p.datetime().strictNullable(),
  },
});
/** An account of a bulk operation. */
export class BulkItem extends BulkItemSchema.class {}
BulkItemSchema.setClass(BulkItem);

const ExportFileSchema = defineEntity({
  name: 'ExportFile',
  tableName: 'export_files',
  properties: {
    operationId: p.uuid().primary(),
    number: p.integer().primary(),
    tenantId: p.uuid(),
    name: p.text(),
    /** The table, or what of a person it holds. */
    source: p.text(),
    rowCount: p.bigint('number'),
    /** Bytes as they are read; the stored ones are sealed. */
    size: p.bigint('number'),
    /** Of the bytes as they are read, in hexadecimal. */
    sha256: p.text(),
    mediaId: p.uuid(),
    createdAt: p.datetime(),
  },
});
/** A file of an export, whose sealed bytes are in the store of media. */
export class ExportFile extends ExportFileSchema.class {}
ExportFileSchema.setClass(ExportFile);
