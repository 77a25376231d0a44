import { defineEntity, p } from '@mikro-orm/core';

const UserRequestSchema = defineEntity({
  name: 'UserRequest',
  tableName: 'user_requests',
  properties: {
    id: p.uuid().primary(),
    /** Of the credentials; null for the installation's. */
    tenantId: p.uuid().strictNullable(),
    credentialsId: p.uuid(),
    provider: p.text(),
    /** Unguessable: shows the state of the deletion to whoever has it, and nothing else. */
    code: p.text(),
    /** Keyed hashes: nothing here names the user. */
    groupHash: p.text(),
    dedupeHash: p.text(),
    requestedAt: p.datetime(),
    doneAt: p.datetime().strictNullable(),
    expiresAt: p.datetime().strictNullable(),
  },
});
/** A deletion that a user of a provider asked for there. */
export class UserRequest extends UserRequestSchema.class {}
UserRequestSchema.setClass(UserRequest);

const UserRequestPartSchema = defineEntity({
  name: 'UserRequestPart',
  tableName: 'user_request_parts',
  properties: {
    /** The erasure's, where it is one. */
    id: p.uuid().primary(),
    requestId: p.uuid(),
    tenantId: p.uuid(),
    /** The account that is disconnected and purged. */
    accountId: p.uuid().strictNullable(),
    /** The attempt that does it. */
    attemptId: p.uuid().strictNullable(),
    doneAt: p.datetime().strictNullable(),
  },
});
export class UserRequestPart extends UserRequestPartSchema.class {}
UserRequestPartSchema.setClass(UserRequestPart);
