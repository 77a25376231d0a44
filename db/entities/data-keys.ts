import { defineEntity, p } from '@mikro-orm/core';

const DataKeySchema = defineEntity({
  name: 'DataKey',
  tableName: 'data_keys',
  properties: {
    /** What sealed values carry. */
    id: p.text().primary(),
    /** Null: the installation's, for rows without a tenant. */
    tenantId: p.uuid().strictNullable(),
    /** From 1 on; a newer one seals once every process knows it. Below 1: former master keys, which only open. */
    version: p.integer(),
    /** The key under a master key; null until a process that has the former master key starts. */
    wrapped: p.text().strictNullable(),
    createdAt: p.datetime(),
  },
  uniques: [{ name: 'data_keys_version', properties: ['tenantId', 'version'] }],
});
/** A key that seals values of one tenant; it is deleted with the tenant. */
export class DataKey extends DataKeySchema.class {}
DataKeySchema.setClass(DataKey);
