import { forgetAccountKeys, keepAccountKeys } from '../../../db/queries/accounts/account-keys.ts';
import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import { accountRemoved } from '../../../db/queries/accounts/lock-accounts.ts';
import { keepGroups } from '../../../db/queries/accounts/provider-groups.ts';
import { Account } from '../../../db/entities/accounts.ts';
import { ProviderFailure } from '../../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { StepOutcome } from '../../../domain/steps.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type {
  LoginInput,
  LoginProgress,
  OAuth,
  OAuthLogin,
  Provider,
  ProviderCall,
  TakenAccount,
} from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { completeLogin } from './complete-login.ts';
import { type AttemptTx, withAttempt } from './attempt-tx.ts';
import { authorizationContent } from './authorization.ts';
import { endingReason, placeStep, progressOf, settingUp } from './steps.ts';

interface From {
  provider: Provider;
  call: ProviderCall;
  /** How the step before ended. */
  outcome: StepOutcome | null;
}

/** Applies the provider's answer to a login call: the next step, or a login that succeeded. */
export async function applyLoginProgress(
  context: Context,
  ref: AttemptRef,
  progress: LoginProgress,
  from: From,
): Promise<Progress> {
  const upstream = progress.providerAccountId;
  // Read before the transaction: one that holds locks must not wait for a second connection.
  const taken = upstream ? await isHeldElsewhere(context, ref, upstream) : false;
  const { known, wanted } = await withAttempt(context, ref, async (tx) => {
    if (upstream) rememberUpstream(tx, upstream, taken);
    // Before the login is complete: the account's events already carry its webhook secret.
    if (upstream === tx.account.providerAccountId) {
      await keepAccountKeys(tx.em, context.vault, tx.account, progress.keys, tx.at);
      keepGroups(tx.account, progress.groups);
    }
    const wanted = tx.account.checkRequestedAt;
    if (tx.attempt.state === 'running' && progress.taken) nameTaken(tx, progress.taken);
    for (const note of progress.notes ?? [])
      addTimelineEvent(tx.em, tx.account, tx.at, 'login_limited', note, { attempt: tx.attempt.number });
    if (tx.attempt.state !== 'running' || progress.next.linked) return { known: progressOf(tx), wanted };
    await placeStep(tx, progress.next, from.outcome);
    return { known: progressOf(tx, await endingReason(tx)), wanted };
  });
  if (!progress.next.linked || known.state === 'closed') return known;

  const { providerAccountId, keys = from.call.keys } = progress;
  const call = { ...from.call, providerAccountId, keys };
  try {
    const view = await from.provider.login.check(call);
    if (view.status === 'linked') return await completeLogin(context, ref, from.provider, call, view, wanted);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    // The login succeeded all the same; a retry of the activity would request it a second time.
  }
  // The provider is still setting the account up, or could not say: a later check decides.
  return withAttempt(context, ref, async (tx) => {
    await placeStep(tx, settingUp, from.outcome);
    return progressOf(tx);
  });
}

/** Whether another account of any tenant has this upstream login; completing the login resolves whose it is. */
const isHeldElsewhere = (context: Context, ref: AttemptRef, upstream: string): Promise<boolean> =>
  context.db.system(async (em) => {
    const account = await em.findOne(Account, { id: ref.accountId });
    if (!account) throw accountRemoved(ref.accountId);
    const { credentialsId } = account;
    const others = { id: { $ne: ref.accountId }, credentialsId, providerAccountId: upstream, mergedInto: null };
    return (await em.count(Account, others)) > 0;
  });

/** Commits an upstream id that this attempt made: events find the account by it, and compensation deletes it. */
function rememberUpstream({ account, attempt }: AttemptTx, upstream: string, taken: boolean): void {
  if (attempt.providerAccountId === upstream) return;
  attempt.providerAccountId = upstream;
  // This attempt may not delete a login that this account already had or that another one has.
  if (taken || account.providerAccountId === upstream) return;
  attempt.undo = [...new Set([...attempt.undo, upstream])];
  // An attempt that ended meanwhile leaves its login to compensation.
  if (attempt.state === 'running') account.providerAccountId ??= upstream;
}

/** Of several accounts one was taken unasked: the attempt names it, and so does the page on which its owner comes back. */
function nameTaken({ em, account, attempt, at }: AttemptTx, { label, of }: TakenAccount): void {
  attempt.detail = `"${label}" was taken, the first of ${of}. Choose another one by connecting again and asking for the choice.`;
  addTimelineEvent(em, account, at, 'account_taken', `The login has ${of} accounts: the first one was taken.`, {
    attempt: attempt.number,
    data: { label, of },
  });
}

/**
 * Asks the provider to begin a login, on the known upstream account where there is one. An upstream account that is gone
 * is made again. A failure that surely had no effect clears the intent. Asks nothing for an attempt that has ended: throws
 * `superseded`.
 */
export async function startProviderLogin(
  context: Context,
  ref: AttemptRef,
  provider: Provider,
  input: LoginInput,
  call: ProviderCall,
): Promise<LoginProgress> {
  const upstream = await withAttempt(context, ref, ({ attempt }) => {
    if (attempt.state !== 'running') throw new ProviderFailure('superseded', 'The attempt has ended.');
    return attempt.providerAccountId ?? call.providerAccountId;
  });
  if (input.oauth && provider.oauth) {
    const keys = await context.vault.keysOf(context.db, ref.tenantId);
    const login = { ...input, oauth: input.oauth };
    return authorization(keys, provider.oauth, { ...call, providerAccountId: upstream }, login);
  }
  try {
    return await provider.login.begin({ ...call, providerAccountId: upstream }, input);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    if (upstream && (error.code === 'not_found' || error.code === 'account_gone')) {
      await withAttempt(context, ref, (tx) => {
        tx.attempt.intentAt = tx.at;
        tx.attempt.providerAccountId = null;
        tx.attempt.undo = tx.attempt.undo.filter((id) => id !== upstream);
        if (tx.account.providerAccountId !== upstream) return;
        tx.account.providerAccountId = null;
        forgetAccountKeys(tx.account);
      });
      return startProviderLogin(context, ref, provider, input, { ...call, providerAccountId: null });
    }
    if (error.effect === 'none')
      await withAttempt(context, ref, ({ attempt }) => {
        attempt.intentAt = null;
      });
    throw error;
  }
}

const authorization = (keys: Keyset, oauth: OAuth, call: ProviderCall, login: OAuthLogin): LoginProgress => ({
  providerAccountId: call.providerAccountId,
  next: {
    linked: false,
    content: authorizationContent(keys, oauth, call, login),
    expiresAt: login.oauth.expiresAt,
    canResend: false,
    canTryAnotherWay: false,
  },
});
