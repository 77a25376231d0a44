import { accountKeys } from '../../../db/queries/accounts/account-keys.ts';
import type { Em } from '../../../db/connect.ts';
import { lockContacts } from '../../../db/queries/contacts/lock-contacts.ts';
import { lockAttempt, type LockedAttempt } from '../../../db/queries/attempts/lock-attempt.ts';
import { credentialsFor, settingsOf } from '../../../db/queries/tenants/credentials.ts';
import type { Account } from '../../../db/entities/accounts.ts';
import type { ConnectionAttempt } from '../../../db/entities/attempts.ts';
import { ProviderCredentials } from '../../../db/entities/tenants.ts';
import { callbackAddress, oauthAddress, returnAddress, webhookAddress } from '../../../domain/addresses.ts';
import { sealed } from '../../../db/sealed.ts';
import type { CallKind } from '../../../domain/call-limits.ts';
import { failureRow, ProviderFailure } from '../../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { LoginInput, Provider, ProviderCall, ProviderSettings } from '../../../providers/provider.ts';
import { watchKey } from '../../accounts/refused-keys.ts';
import { timeOf, type Context } from '../../context.ts';
import { returnToken } from '../return-token.ts';
import { reachOfCredentials } from '../../provider-reach.ts';

/** An attempt with its account, locked for the transaction. */
export interface AttemptTx extends LockedAttempt {
  em: Em;
  /** The tenant's keys. */
  keys: Keyset;
  at: Date;
  /** The step that this transaction ended. */
  endedStep: Progress['endedStep'];
}

/** The attempt that `ref` names, locked in the caller's transaction. */
export const attemptIn = async (context: Context, em: Em, ref: AttemptRef): Promise<AttemptTx> => ({
  ...(await lockAttempt(em, ref.accountId, ref.attempt)),
  em,
  keys: await context.vault.keysOf(em, ref.tenantId),
  at: timeOf(context, ref),
  endedStep: null,
});

/** One transaction over an attempt. */
export const withAttempt = <T>(
  context: Context,
  ref: AttemptRef,
  work: (tx: AttemptTx) => Promise<T> | T,
): Promise<T> => context.db.tenant(ref.tenantId, async (em) => work(await attemptIn(context, em, ref)));

/**
 * One transaction over an attempt that also ends or begins syncs, or deletes contacts. It takes the contacts' lock first,
 * as every transaction does that writes contacts and then their sync run and account: so none waits for another in a
 * circle, and no contacts appear after a purge.
 */
export const withAttemptAndContacts = <T>(
  context: Context,
  ref: AttemptRef,
  work: (tx: AttemptTx) => Promise<T> | T,
): Promise<T> =>
  context.db.tenant(ref.tenantId, async (em) => {
    await lockContacts(em, ref.accountId);
    return work(await attemptIn(context, em, ref));
  });

/** Clears the request for a check that was made at `wanted`; a later request stays. */
export function checkDone(account: Account, wanted: Date | null): void {
  if (account.checkRequestedAt?.getTime() === wanted?.getTime()) account.checkRequestedAt = null;
}

/**
 * The provider of an account with the input of its calls, which wait for their turn within the limit of the credentials.
 * Throws `provider_not_configured`.
 */
export async function connectionTo(
  context: Pick<Context, 'config' | 'vault' | 'providers' | 'publicUrl' | 'db' | 'clock' | 'log' | 'callLimits'>,
  em: Em,
  account: Account,
  at: Date,
  providerAccountId: string | null,
  kind: CallKind = 'live',
): Promise<{ provider: Provider; call: ProviderCall; credentials: ProviderCredentials }> {
  const provider = context.providers[account.provider];
  // An account stays with the credentials it was made with, also after its tenant set new ones.
  const credentials = account.credentialsId
    ? await em.findOne(ProviderCredentials, { id: account.credentialsId })
    : await credentialsFor(em, account.tenantId, account.provider);
  if (!provider || !credentials)
    throw new ProviderFailure('provider_not_configured', failureRow('provider_not_configured').whatToDo);
  const keys = await context.vault.keysOf(em, account.tenantId);
  const settings = settingsOf(keys, credentials);
  const call = {
    settings,
    reach: reachOfCredentials(context.config, credentials),
    channel: account.channel,
    providerAccountId,
    keys: providerAccountId === account.providerAccountId ? accountKeys(keys, account) : null,
    webhookAddress: webhookAddress(context.publicUrl, provider.name, credentials.webhookToken),
    now: at.getTime(),
    ...context.callLimits.of(credentials, kind),
  };
  return { provider: watchKey(context, provider, call, credentials), call, credentials };
}

/**
 * The input of a login over this connection: the credentials of this attempt, else those that the account was connected
 * with.
 */
export function loginInput(
  context: Pick<Context, 'publicUrl'>,
  tx: AttemptTx,
  { provider, call }: { provider: Provider; call: ProviderCall },
): LoginInput {
  const { keys, account, attempt } = tx;
  const stored = attempt.input
    ? keys.open(attempt.input, sealed.attemptInput(attempt.id))
    : account.secret
      ? keys.open(account.secret, sealed.accountSecret(account.id))
      : null;
  const credentials = stored ? (JSON.parse(stored) as Record<string, unknown>) : {};
  const back = returnOf(context, tx, provider, call.settings);
  return { method: attempt.method, credentials, ...back, reference: attempt.id, identity: account.identity };
}

/** How an attempt that logs in on a page of the provider comes back from there; nothing for other attempts. */
function returnOf(
  { publicUrl }: Pick<Context, 'publicUrl'>,
  { keys, account, attempt }: AttemptTx,
  { oauth }: Provider,
  settings: ProviderSettings,
): Pick<LoginInput, 'page' | 'oauth'> {
  if (!attempt.callbackToken) return {};
  const token = keys.open(attempt.callbackToken, sealed.callbackToken(attempt.id));
  const expiresAt = attempt.deadlineAt.getTime();
  if (attempt.method === 'oauth') {
    const own = oauth?.redirectSetting === undefined ? undefined : settings[oauth.redirectSetting];
    return { oauth: { redirectUri: own ?? oauthAddress(publicUrl, account.provider), state: token, expiresAt } };
  }
  const back = returnToken(attempt);
  return {
    page: {
      name: attempt.id,
      callbackUrl: callbackAddress(publicUrl, account.provider, token),
      successUrl: returnAddress(publicUrl, account.provider, back, 'success'),
      failureUrl: returnAddress(publicUrl, account.provider, back, 'failure'),
      expiresAt,
    },
  };
}

/** Whether the provider was asked to begin a login and the outcome is unknown. */
export const isUnclear = ({ intentAt, providerAccountId }: ConnectionAttempt): boolean =>
  intentAt !== null && providerAccountId === null;
