import { defineEntity, p } from '@mikro-orm/core';

const MediaSchema = defineEntity({
  name: 'Media',
  tableName: 'media',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    /** SHA-256 in hexadecimal: with the tenant it names the bytes in the store. */
    hash: p.text(),
    /** In bytes. */
    size: p.bigint('number'),
    /** As the first that brought the bytes named it, without parameters; null where it did not. */
    contentType: p.text().strictNullable(),
    /** Until then it is kept even where nothing refers to it. Null: a row refers to it, and it is kept until that is gone. */
    keptUntil: p.datetime().strictNullable(),
    createdAt: p.datetime(),
  },
  uniques: [{ properties: ['tenantId', 'hash'], name: 'media_of_tenant' }],
});
/** A file whose bytes are in the store. The same bytes are there once for each tenant. */
export class Media extends MediaSchema.class {}
MediaSchema.setClass(Media);
