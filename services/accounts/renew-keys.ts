import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { keepAccountKeys } from '../../db/queries/accounts/account-keys.ts';
import { lockAccount, lockAccountOfLogin } from '../../db/queries/accounts/lock-accounts.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import type { AccountKeys } from '../../domain/accounts.ts';
import type { CallKind } from '../../domain/call-limits.ts';
import { failureRow, ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import { nextTryAt } from '../../domain/token-times.ts';
import type { Tokens } from '../../providers/contract/tokens.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import type { Context } from '../context.ts';

/** An account whose keys are renewed, at which time, and for whom: a caller that waits, or a sweep. */
export interface RenewalRef {
  tenantId: string;
  accountId: string;
  at: Date;
  kind: CallKind;
}

/**
 * What became of a renewal. `busy`: another one is under way · `superseded`: a login brought newer keys meanwhile · `none`: it
 * is not its time, or there is nothing to renew · the code of a failure.
 */
export type Renewal = 'renewed' | 'busy' | 'superseded' | 'none' | FailureCode;

/**
 * How long a renewal counts as under way, in milliseconds: longer than a request and its turn. After it, its process has
 * died.
 */
const underWayMs = 5 * 60_000;

/** Renewals that succeeded are not repeated within the hour, whatever their provider says. */
const restMs = 3_600_000;

/** A renewal that was begun: its call is made with the keys of this version. */
interface Begun {
  provider: Provider;
  tokens: Tokens;
  call: ProviderCall;
  version: number;
  /** An earlier one was begun, and how it ended is not known. */
  isUnclear: boolean;
}

/**
 * Renews an account's keys where their time has come, one process at a time. Its beginning is committed before the provider is
 * asked, and the new keys before they are used. A process that dies in between loses nothing where the old keys go on; where
 * they end with the renewal, the next one asks first whether they do.
 */
export async function renewKeys(context: Context, ref: RenewalRef): Promise<Renewal> {
  const begun = await context.db.tenant(ref.tenantId, (em) => begin(context, em, ref));
  if (typeof begun === 'string') return begun;
  let keys: AccountKeys;
  try {
    keys = await ask(begun);
  } catch (error) {
    const failure =
      error instanceof ProviderFailure ? error : new ProviderFailure('unexpected', '', { effect: 'unknown' });
    if (failure !== error)
      context.log.error({ account: ref.accountId, err: error }, 'the keys of an account could not be renewed');
    return conclude(context, ref, begun, (em, account) => noteFailure(em, account, ref.at, begun, failure));
  }
  return conclude(context, ref, begun, async (em, account) => {
    await keepAccountKeys(em, context.vault, account, keys, ref.at);
    account.keysIntentAt = null;
    account.keysFailures = 0;
    const soonest = new Date(ref.at.getTime() + restMs);
    if (account.keysRefreshAt && account.keysRefreshAt < soonest) account.keysRefreshAt = soonest;
    const data = { ends_at: account.keysExpireAt?.toISOString() ?? null };
    addTimelineEvent(em, account, ref.at, 'token_renewed', 'The provider renewed the token of the account.', { data });
    return 'renewed' as const;
  });
}

async function begin(context: Context, em: Em, { accountId, at, kind }: RenewalRef): Promise<Begun | 'busy' | 'none'> {
  const account = await lockAccount(em, accountId);
  if (!account?.providerAccountId || account.mergedInto) return 'none';
  const { keysRefreshAt, keysExpireAt, keysIntentAt, providerAccountId } = account;
  // Expired ones stay as they are: only a new login replaces them.
  if (!keysRefreshAt || keysRefreshAt > at || (keysExpireAt && keysExpireAt <= at)) return 'none';
  if (keysIntentAt && at.getTime() - keysIntentAt.getTime() < underWayMs) return 'busy';
  const { provider, call } = await connectionTo(context, em, account, at, providerAccountId, kind);
  const { tokens } = provider;
  if (!tokens || !call.keys?.apiKey) return 'none';
  const isUnclear = keysIntentAt !== null && tokens.endsOld === true;
  account.keysIntentAt = at;
  return { provider, tokens, call, version: account.keysVersion, isUnclear };
}

/** Keys that a lost answer may have ended are not sent again: a provider that sees them twice may end the newer ones too. */
async function ask({ provider, tokens, call, isUnclear }: Begun): Promise<AccountKeys> {
  const { status } = isUnclear ? await provider.login.check(call) : { status: 'linked' };
  if (status === 'linked') return tokens.refreshToken(call);
  const isLost = status === 'login_lost' || status === 'not_found';
  throw new ProviderFailure(
    isLost ? 'login_lost' : 'provider_unavailable',
    'The answer of a renewal was lost, and perhaps the new keys with it.',
    { effect: 'unknown' },
  );
}

/** Writes the outcome, unless the account has newer keys or another login by now. */
function conclude(
  { db, metrics }: Context,
  { tenantId, accountId }: RenewalRef,
  { provider, call, version }: Begun,
  write: (em: Em, account: Account) => Promise<Renewal> | Renewal,
): Promise<Renewal> {
  return db.tenant(tenantId, async (em) => {
    const account = await lockAccountOfLogin(em, accountId, call.providerAccountId ?? '');
    if (account?.keysVersion !== version) return 'superseded';
    const outcome = await write(em, account);
    metrics.tokenRenewals.inc({ provider: provider.name, outcome: outcome === 'renewed' ? 'succeeded' : outcome });
    return outcome;
  });
}

function noteFailure(
  em: Em,
  account: Account,
  at: Date,
  { tokens }: Begun,
  { code, effect }: ProviderFailure,
): FailureCode {
  account.keysFailures += 1;
  account.keysRefreshAt = nextTryAt(account.keysFailures, at, account.keysExpireAt);
  if (effect === 'none' || !tokens.endsOld) account.keysIntentAt = null;
  const text = `The token of the account could not be renewed: ${code}. It is tried again.`;
  const data = {
    reason: code,
    failures: account.keysFailures,
    next_try_at: account.keysRefreshAt.toISOString(),
    ends_at: account.keysExpireAt?.toISOString() ?? null,
  };
  addTimelineEvent(em, account, at, 'token_not_renewed', text, { data });
  // The provider says that the login is over: a check shows that, and moves the account.
  if (failureRow(code).action === 'reconnect' && account.checkDueAt && account.checkDueAt > at) account.checkDueAt = at;
  return code;
}
