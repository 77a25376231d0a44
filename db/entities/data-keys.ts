import { defineEntity, p } from '@mikro-orm/core';

const DataKeySchema = defineEntity({
  name: 'DataKey',
  tableName: 'data_keys',
  properties: {
    id: p.text().primary(),
    tenantId: p.uuid().strictNullable(),
    /** From 1 on; a newer one seals once every process knows it. Below 1: former master keys, which only open. */
    version: p.integer(),
    /** Wrapped by a master key; null until a process that has the former master key starts. */
    wrapped: p.text().strictNullable(),
    createdAt: p.datetime(),
  },
  uniques: [{ name: 'data_keys_version', properties: ['tenantId', 'version'] }],
});
export class DataKey extends DataKeySchema.class {}
DataKeySchema.setClass(DataKey);
