import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import type { FailureCode } from '../../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { AccountView } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { applyLoginProgress, settingUp } from './apply-login-progress.ts';
import { startProviderLogin } from './start-provider-login.ts';
import { completeLogin } from './complete-login.ts';
import { connectionTo, isDifferentIdentity, loginInput, checkDone, withAttempt } from './attempt-tx.ts';
import { endingReason, placeStep, progressOf } from './steps.ts';

/**
 * Confirms or renews: asks the provider how the login stands. A finished login is linked, whatever webhook was lost;
 * a lapsed QR code is replaced by a new one; a step whose time is over ends the attempt.
 */
export async function checkLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (held) => {
    const { em, account, attempt, step, at } = held;
    const ending = await endingReason(held);
    // There is nothing to look at yet.
    if (!attempt.providerAccountId) account.checkRequestedAt = null;
    if (attempt.state !== 'running' || ending === 'superseded' || ending === 'cancelled' || !attempt.providerAccountId)
      return { over: progressOf(held, ending) };
    attempt.checks += 1;
    const connection = await connectionTo(context, em, account, at, attempt.providerAccountId);
    const lapsed = step?.expiresAt !== null && step?.expiresAt !== undefined && step.expiresAt <= at;
    return {
      over: null,
      ...connection,
      ending,
      lapsed,
      kind: step?.kind,
      wanted: account.checkRequestedAt,
      input: loginInput(context, held),
    };
  });
  if (start.over) return start.over;
  const { provider, call, ending, lapsed, kind, input, wanted } = start;

  const view = await provider.login.check(call);
  if (view.status === 'linked') return completeLogin(context, ref, provider, call, view, wanted);
  const after = (reason: FailureCode | null = null): Promise<Progress> =>
    withAttempt(context, ref, (held) => {
      checkDone(held.account, wanted);
      return progressOf(held, reason);
    });
  if (ending) return after(ending);
  if (kind === 'qr' && lapsed) {
    const next = await startProviderLogin(context, ref, provider, input, call);
    return applyLoginProgress(context, ref, next, { provider, call, outcome: 'replaced' });
  }
  if (kind === 'redirect') return afterPage(context, ref, view, wanted);
  // Whether a provider shows a login that nobody has scanned yet is not established: only its lapse decides.
  const vanished = view.status === 'not_found' && kind !== 'qr';
  return after(vanished || (lapsed && kind !== 'wait') ? 'checkpoint_expired' : null);
}

/**
 * The provider's page called back, or time passed: an account that the provider does not know is never attached, one
 * that it is still setting up is waited for.
 */
const afterPage = (context: Context, ref: AttemptRef, view: AccountView, wanted: Date | null): Promise<Progress> =>
  withAttempt(context, ref, async (held) => {
    const { em, account, attempt, at } = held;
    checkDone(account, wanted);
    const called = attempt.callbackUsedAt !== null;
    if (called && view.status === 'not_found') {
      attempt.undo = attempt.undo.filter((id) => id !== attempt.providerAccountId);
      attempt.providerAccountId = account.providerAccountId;
      attempt.callbackUsedAt = null;
      addTimelineEvent(
        em,
        account,
        at,
        'callback_refused',
        'The login page named an account that the provider does not know.',
        {
          attempt: attempt.number,
        },
      );
    } else if (called) await placeStep(held, settingUp, 'accepted');
    return progressOf(held);
  });

/**
 * The part of a reconnection that needs no human: an account that works, or that the provider can restart, is linked
 * again at once. Fresh credentials always mean a fresh login.
 */
export async function reviveLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (held) => {
    const { em, account, attempt, at } = held;
    const ending = await endingReason(held);
    const upstream = attempt.providerAccountId ?? account.providerAccountId;
    if (attempt.state !== 'running' || ending || attempt.input || attempt.currentStepId || !upstream)
      return { over: progressOf(held, ending) };
    const connection = await connectionTo(context, em, account, at, upstream);
    return { over: null, account, wanted: account.checkRequestedAt, ...connection };
  });
  if (start.over) return start.over;
  const { provider, call, wanted } = start;

  let view = await provider.login.check(call);
  if (view.status === 'needs_restart' && (await provider.login.restore(call))) view = await provider.login.check(call);
  // Somebody else's login on it is no reason to give up: the owner can still log in anew.
  const stranger = isDifferentIdentity(start.account, view);
  if (view.status === 'linked' && !stranger) return completeLogin(context, ref, provider, call, view, wanted);
  return withAttempt(context, ref, async (held) => {
    checkDone(held.account, wanted);
    const { trigger } = held.attempt;
    const lost = stranger ? 'another_identity' : view.status === 'not_found' ? 'account_gone' : 'login_lost';
    if (trigger === 'automatic' && view.status !== 'degraded') return progressOf(held, lost);
    if (view.status === 'degraded') {
      held.attempt.providerAccountId = call.providerAccountId;
      await placeStep(held, settingUp, null);
    }
    return progressOf(held);
  });
}
