import { defineEntity, p } from '@mikro-orm/core';
import type { AccountState, ConnectionConfig, ProviderConfig, Who } from '../../domain/accounts.ts';
import type { Channel, Method, ProviderName } from '../../domain/channels.ts';

const AccountSchema = defineEntity({
  name: 'Account',
  tableName: 'accounts',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    provider: p.text().$type<ProviderName>(),
    channel: p.text().$type<Channel>(),
    owner: p.text(),
    label: p.text().strictNullable(),
    metadata: p.json().$type<Record<string, unknown>>(),
    credentialsId: p.uuid().strictNullable(),
    /** The upstream login. */
    providerAccountId: p.text().strictNullable(),
    /** Who this is on the channel. */
    identity: p.text().strictNullable(),
    state: p.text().$type<AccountState>(),
    reason: p.text().strictNullable(),
    who: p.text().$type<Who>(),
    since: p.datetime(),
    connectionConfig: p.json().$type<ConnectionConfig>().strictNullable(),
    providerConfig: p.json().$type<ProviderConfig>().strictNullable(),
    /** The provider's raw answer behind the details, sealed. */
    rawDetails: p.text().strictNullable(),
    detailsAt: p.datetime().strictNullable(),
    /** What the owner logged in with, sealed; gone after a disconnect. */
    secret: p.text().strictNullable(),
    /** Keys that the provider gave out for this account alone, sealed (see `db/account-keys.ts`). */
    providerKeys: p.text().strictNullable(),
    /** Finds the account by the webhook secret among them. */
    webhookSecretHash: p.text().strictNullable(),
    method: p.text().$type<Method>(),
    lastSyncAt: p.datetime().strictNullable(),
    /** When the sweep reads its address book again; null for accounts without one. */
    contactsDueAt: p.datetime().strictNullable(),
    /** When its address book is read once more after a connection; null once it was, and for accounts without one. */
    contactsAgainAt: p.datetime().strictNullable(),
    /** When pictures may be asked for again; null while there are none to ask for. */
    picturesDueAt: p.datetime().strictNullable(),
    /** How many pictures were asked for, on which day. */
    pictureCalls: p.json().$type<{ day: string; count: number }>().strictNullable(),
    /** A provider's event asked for a look at this account; cleared by the look that began after it. */
    checkRequestedAt: p.datetime().strictNullable(),
    /** When the provider was last asked how the account at rest stands. */
    checkedAt: p.datetime().strictNullable(),
    mergedInto: p.uuid().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
/** A person's messaging account. Its state is written through `moveAccount` only. */
export class Account extends AccountSchema.class {}
AccountSchema.setClass(Account);

const AccountEventSchema = defineEntity({
  name: 'AccountEvent',
  tableName: 'account_events',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    /** A relation, so that one unit of work inserts the account first. */
    accountId: () => p.manyToOne(Account).mapToPk().fieldName('account_id'),
    attempt: p.integer().strictNullable(),
    at: p.datetime(),
    kind: p.text(),
    /** The sentence people read. No secret and no personal data. */
    text: p.text(),
    data: p.json().$type<Record<string, unknown>>(),
  },
});
/** One line of an account's timeline. */
export class AccountEvent extends AccountEventSchema.class {}
AccountEventSchema.setClass(AccountEvent);
