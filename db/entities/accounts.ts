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
    /** The person's id on the channel, such as a phone number. */
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
    /** The owner's credentials, sealed; dropped by a disconnect. */
    secret: p.text().strictNullable(),
    /** Keys that the provider issued for this account alone, sealed (see `db/queries/accounts/account-keys.ts`). */
    providerKeys: p.text().strictNullable(),
    /** Finds the account by the webhook secret among them. */
    webhookSecretHash: p.text().strictNullable(),
    method: p.text().$type<Method>(),
    lastSyncAt: p.datetime().strictNullable(),
    /** When the sweep reads the account's contacts again; null for accounts without contacts. */
    contactsDueAt: p.datetime().strictNullable(),
    /** When the contacts are read once more after a connection; null once they were, and for accounts without contacts. */
    contactsAgainAt: p.datetime().strictNullable(),
    /** When pictures may be fetched again; null while none are missing. */
    picturesDueAt: p.datetime().strictNullable(),
    /** How many pictures were fetched, on which day. */
    pictureCalls: p.json().$type<{ day: string; count: number }>().strictNullable(),
    /** When a check of the account was last requested; cleared by a check that began later. */
    checkRequestedAt: p.datetime().strictNullable(),
    /** When the account at rest was last checked. */
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
    /** A sentence for people. No secret and no personal data. */
    text: p.text(),
    data: p.json().$type<Record<string, unknown>>(),
  },
});
/** One line of an account's timeline. */
export class AccountEvent extends AccountEventSchema.class {}
AccountEventSchema.setClass(AccountEvent);
