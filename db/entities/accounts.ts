import { defineEntity, p } from '@mikro-orm/core';
import type { AccountState, ConnectionConfig, ProviderConfig, Who } from '../../domain/accounts.ts';
import type { Channel, Method, ProviderName } from '../../domain/channels.ts';
import type { LoginLimits } from '../../domain/login-limits.ts';
import type { AccountQuietHours } from '../../domain/quiet-hours.ts';
import type { SendLimits } from '../../domain/send-limits.ts';

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
    providerAccountId: p.text().strictNullable(),
    identity: p.text().strictNullable(),
    /** Names that it shares with other accounts of its upstream owner, by the provider's own words. */
    providerGroups: p.array().$type<string[]>(),
    state: p.text().$type<AccountState>(),
    reason: p.text().strictNullable(),
    who: p.text().$type<Who>(),
    since: p.datetime(),
    /** Since when the account is active or degraded: webhooks tell of what is sent since then. */
    listeningSince: p.datetime().strictNullable(),
    connectionConfig: p.json().$type<ConnectionConfig>().strictNullable(),
    providerConfig: p.json().$type<ProviderConfig>().strictNullable(),
    /** The raw answer behind the details, sealed. */
    rawDetails: p.text().strictNullable(),
    detailsAt: p.datetime().strictNullable(),
    /** The owner's credentials, sealed; dropped by a disconnect. */
    secret: p.text().strictNullable(),
    /** Keys that the provider issued for this account, sealed. */
    providerKeys: p.text().strictNullable(),
    webhookSecretHash: p.text().strictNullable(),
    /** Counts the changes of the keys: what was asked for with older ones is not written over newer ones. */
    keysVersion: p.integer(),
    keysExpireAt: p.datetime().strictNullable(),
    /** When a renewal is tried, next or again. */
    keysRefreshAt: p.datetime().strictNullable(),
    /** From when on the owner is asked to renew them. */
    keysAskAt: p.datetime().strictNullable(),
    /** Of versions before reminders; they run beside this one during an upgrade. Nothing reads it. */
    keysAskedAt: p.datetime().strictNullable(),
    /** Since when a renewal is under way, or was when its process ended. */
    keysIntentAt: p.datetime().strictNullable(),
    /** Renewals that failed since the last one that did not. */
    keysFailures: p.integer(),
    /** When the sweep of tokens looks at the account: the earliest of what is to be done. */
    keysDueAt: p.datetime().strictNullable(),
    method: p.text().$type<Method>(),
    lastSyncAt: p.datetime().strictNullable(),
    /** When the sweep reads the contacts again; null for accounts without contacts. */
    contactsDueAt: p.datetime().strictNullable(),
    /** When the contacts are read once more after a connection; null after that. */
    contactsAgainAt: p.datetime().strictNullable(),
    /** When conversations are read once more: the provider may still copy them after a first login. */
    historyAgainAt: p.datetime().strictNullable(),
    /** When the safety net looks for messages that no webhook brought; null while the account is not connected. */
    historyDueAt: p.datetime().strictNullable(),
    picturesDueAt: p.datetime().strictNullable(),
    pictureCalls: p.json().$type<{ day: string; count: number }>().strictNullable(),
    /** When the provider said, signed, that the login ended; a later check or login clears it. */
    toldLostAt: p.datetime().strictNullable(),
    /** Cleared by a check that began later. */
    checkRequestedAt: p.datetime().strictNullable(),
    /** The provider reported something after a check began: where that did not find the account active, it is checked again. */
    reportedSince: p.boolean(),
    checkedAt: p.datetime().strictNullable(),
    /** When the account is checked without any report (see `nextCheckAt`); null while it is not connected. */
    checkDueAt: p.datetime().strictNullable(),
    /** What an operator set of how much it may send; null for the channel's own limits. */
    sendLimits: p.json().$type<Partial<SendLimits>>().strictNullable(),
    /** What an operator set of how often it may log in; null for the channel's own limits. */
    loginLimits: p.json().$type<Partial<LoginLimits>>().strictNullable().default(null),
    /** Hours in which it sends nothing; null: those of its tenant. */
    quietHours: p.json().$type<AccountQuietHours>().strictNullable().default(null),
    /** When the owner was asked to do something; null where nothing is asked. `moveAccount` writes it. */
    askedAt: p.datetime().strictNullable().default(null),
    /** When they were asked or reminded last. */
    remindedAt: p.datetime().strictNullable().default(null),
    /** Reminders since the question. */
    reminders: p.integer().default(0),
    snoozedUntil: p.datetime().strictNullable().default(null),
    /** Since when the owner is reminded no more, though the question stands. */
    givenUpAt: p.datetime().strictNullable().default(null),
    /** When the sweep of reminders looks at the account. */
    remindDueAt: p.datetime().strictNullable().default(null),
    mergedInto: p.uuid().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    /** When a change that answers show was last written, by PostgreSQL's clock. The database sets it. */
    changedAt: p.datetime().defaultRaw('change_time()'),
  },
});
/** The state is written through `moveAccount` only. */
export class Account extends AccountSchema.class {}
AccountSchema.setClass(Account);

const AccountEventSchema = defineEntity({
  name: 'AccountEvent',
  tableName: 'account_events',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: () => p.manyToOne(Account).mapToPk().fieldName('account_id'),
    attempt: p.integer().strictNullable(),
    at: p.datetime(),
    kind: p.text(),
    /** No secrets and no personal data. */
    text: p.text(),
    data: p.json().$type<Record<string, unknown>>(),
  },
});
export class AccountEvent extends AccountEventSchema.class {}
AccountEventSchema.setClass(AccountEvent);

const LoginRestartSchema = defineEntity({
  name: 'LoginRestart',
  tableName: 'login_restarts',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    at: p.datetime(),
  },
});
/** One restart of a login that no owner asked for, for the limits of its account; kept for a day. */
export class LoginRestart extends LoginRestartSchema.class {}
LoginRestartSchema.setClass(LoginRestart);
