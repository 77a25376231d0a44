import { LockMode } from '@mikro-orm/core';
import { accountKeys } from '../../../db/queries/accounts/account-keys.ts';
import { rows, type Em } from '../../../db/connect.ts';
import { credentialsFor, settingsOf } from '../../../db/queries/tenants/credentials.ts';
import { Account } from '../../../db/entities/accounts.ts';
import { ConnectionAttempt, ConnectionStep } from '../../../db/entities/attempts.ts';
import { ProviderCredentials } from '../../../db/entities/tenants.ts';
import { callbackAddress, returnAddress, webhookAddress } from '../../../domain/addresses.ts';
import { sealed } from '../../../db/sealed.ts';
import { failureRow, ProviderFailure } from '../../../domain/failures.ts';
import type { AttemptRef } from '../../../domain/attempts.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { AccountView, LoginInput, LoginPage, Provider, ProviderCall } from '../../../providers/provider.ts';
import { timeOf, type Context } from '../../context.ts';

/** An attempt with its account, locked for the transaction. */
export interface AttemptTx {
  em: Em;
  /** The tenant's. */
  keys: Keyset;
  at: Date;
  account: Account;
  attempt: ConnectionAttempt;
  step: ConnectionStep | null;
}

/** Locks account, then attempt: always in this order, so that two transactions never wait for each other. */
export async function lockAttempt(context: Context, em: Em, ref: AttemptRef): Promise<AttemptTx> {
  const account = await em.findOneOrFail(Account, { id: ref.accountId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  const attempt = await em.findOneOrFail(
    ConnectionAttempt,
    { accountId: ref.accountId, number: ref.attempt },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  const step = attempt.currentStepId ? await em.findOneOrFail(ConnectionStep, { id: attempt.currentStepId }) : null;
  const keys = await context.vault.keysOf(em, ref.tenantId);
  return { em, keys, at: timeOf(context, ref), account, attempt, step };
}

/** One transaction over an attempt. */
export const withAttempt = <T>(
  context: Context,
  ref: AttemptRef,
  work: (held: AttemptTx) => Promise<T> | T,
): Promise<T> => context.db.tenant(ref.tenantId, async (em) => work(await lockAttempt(context, em, ref)));

/** The look that was wanted at `wanted` has been taken; one that was wanted since stays owed. */
export function checkDone(account: Account, wanted: Date | null): void {
  if (account.checkRequestedAt?.getTime() === wanted?.getTime()) account.checkRequestedAt = null;
}

/** Whether the login is somebody else's than the account was: another phone scanned the code, say. */
export const isDifferentIdentity = ({ identity }: Account, view: AccountView): boolean =>
  identity !== null && view.identity !== null && identity !== view.identity;

/** The provider of an account and what its verbs need. Throws when the provider is not configured. */
export async function connectionTo(
  context: Pick<Context, 'vault' | 'providers' | 'publicUrl'>,
  em: Em,
  account: Account,
  at: Date,
  providerAccountId: string | null,
): Promise<{ provider: Provider; call: ProviderCall; credentials: ProviderCredentials }> {
  const provider = context.providers[account.provider];
  // An account lives under the credentials it was made with, whatever its tenant has set since.
  const credentials = account.credentialsId
    ? await em.findOne(ProviderCredentials, { id: account.credentialsId })
    : await credentialsFor(em, account.tenantId, account.provider);
  if (!provider || !credentials)
    throw new ProviderFailure('provider_not_configured', failureRow('provider_not_configured').whatToDo);
  const keys = await context.vault.keysOf(em, account.tenantId);
  const settings = settingsOf(keys, credentials);
  const call = {
    settings,
    channel: account.channel,
    providerAccountId,
    keys: providerAccountId === account.providerAccountId ? accountKeys(keys, account) : null,
    webhookAddress: webhookAddress(context.publicUrl, provider.name, credentials.webhookToken),
    now: at.getTime(),
  };
  return { provider, call, credentials };
}

/** What a login starts with: what this attempt was given, else what the account was connected with. */
export function loginInput(context: Context, held: AttemptTx): LoginInput {
  const { keys, account, attempt } = held;
  const stored = attempt.input
    ? keys.open(attempt.input, sealed.attemptInput(attempt.id))
    : account.secret
      ? keys.open(account.secret, sealed.accountSecret(account.id))
      : null;
  const credentials = stored ? (JSON.parse(stored) as Record<string, unknown>) : {};
  const page = pageOf(context, held);
  return { method: attempt.method, credentials, page, reference: attempt.id, identity: account.identity };
}

/** What the provider's page needs, of an attempt that logs in there. */
function pageOf(context: Context, { keys, account, attempt }: AttemptTx): LoginPage | undefined {
  if (!attempt.callbackToken) return undefined;
  const token = keys.open(attempt.callbackToken, sealed.callbackToken(attempt.id));
  return {
    name: attempt.id,
    callbackUrl: callbackAddress(context.publicUrl, account.provider, token),
    successUrl: returnAddress(context.publicUrl, account.provider, token, 'success'),
    failureUrl: returnAddress(context.publicUrl, account.provider, token, 'failure'),
    expiresAt: attempt.deadlineAt.getTime(),
  };
}

/** Whether it is open what an attempt has made at the provider: it was asked, and nobody knows with what outcome. */
export const isUnclear = ({ intentAt, providerAccountId }: ConnectionAttempt): boolean =>
  intentAt !== null && providerAccountId === null;

/** Upstream ids that an account or an attempt of anybody's has written down. */
export const knownUpstream = (context: Context): Promise<Set<string>> =>
  context.db.system(async (em) => {
    const found = await rows<{ id: string }>(
      em,
      `select provider_account_id as id from accounts where provider_account_id is not null
       union select provider_account_id from connection_attempts where provider_account_id is not null`,
    );
    return new Set(found.map(({ id }) => id));
  });
