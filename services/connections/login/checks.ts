import { addTimelineEvent, moveAccount } from '../../../db/queries/accounts/timeline.ts';
import type { Account } from '../../../db/entities/accounts.ts';
import { nextCheckAt, reasonForLogin, type AccountEvent } from '../../../domain/accounts.ts';
import { ProviderFailure, type FailureCode } from '../../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { AccountView } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { applyLoginProgress, startProviderLogin } from './apply-login-progress.ts';
import { completeLogin } from './complete-login.ts';
import { checkDone, connectionTo, loginInput, withAttempt } from './attempt-tx.ts';
import { endingReason, isSuperseded, placeStep, progressOf, settingUp } from './steps.ts';
import { followCheck, isDifferentIdentity } from '../../accounts/follow-check.ts';
import { saveDetails } from '../../accounts/save-details.ts';
import { restartWithinBudget } from '../../guard/login-budget.ts';

/**
 * Asks the provider for the status of a login. A finished login is completed even when its webhook was lost, a lapsed QR
 * code is replaced by a new one, and a step whose time is over ends the attempt.
 */
export async function checkLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (tx) => {
    const { em, account, attempt, step, at } = tx;
    const ending = await endingReason(tx);
    // There is nothing to check at the provider yet.
    if (!attempt.providerAccountId) account.checkRequestedAt = null;
    if (attempt.state !== 'running' || ending === 'superseded' || ending === 'cancelled' || !attempt.providerAccountId)
      return { over: progressOf(tx, ending) };
    attempt.checks += 1;
    account.reportedSince = false;
    const connection = await connectionTo(context, em, account, at, attempt.providerAccountId);
    const lapsed = step?.expiresAt !== null && step?.expiresAt !== undefined && step.expiresAt <= at;
    return {
      over: null,
      ...connection,
      ending,
      lapsed,
      kind: step?.kind,
      isAutomatic: attempt.trigger === 'automatic',
      wanted: account.checkRequestedAt,
      input: loginInput(context, tx, connection),
    };
  });
  if (start.over) return start.over;
  const { provider, call, ending, lapsed, kind, isAutomatic, input, wanted } = start;

  const view = await provider.login.check(call);
  if (view.status === 'linked') return completeLogin(context, ref, provider, call, view, wanted);
  const after = (reason: FailureCode | null = null): Promise<Progress> =>
    withAttempt(context, ref, (tx) => {
      checkDone(tx.account, wanted);
      return progressOf(tx, reason);
    });
  if (ending) return after(ending);
  if (kind === 'qr' && lapsed) {
    const next = await startProviderLogin(context, ref, provider, input, call);
    return applyLoginProgress(context, ref, next, { provider, call, outcome: 'replaced' });
  }
  if (kind === 'wait' && view.codeWaits) {
    // The owner is not there to scan it.
    if (isAutomatic) return after('login_lost');
    const next = await startProviderLogin(context, ref, provider, input, call);
    return applyLoginProgress(context, ref, next, { provider, call, outcome: 'replaced' });
  }
  if (kind === 'redirect') return afterPage(context, ref, view, wanted);
  // It is not known whether a provider shows a login whose QR code was not scanned yet, so only its expiry counts.
  const vanished = view.status === 'not_found' && kind !== 'qr';
  return after(vanished || (lapsed && kind !== 'wait') ? 'checkpoint_expired' : null);
}

/**
 * The step waits for the provider's login page, which may have called back. An account that the provider does not know is
 * never attached; one that it is still setting up is waited for.
 */
const afterPage = (context: Context, ref: AttemptRef, view: AccountView, wanted: Date | null): Promise<Progress> =>
  withAttempt(context, ref, async (tx) => {
    const { em, account, attempt, at } = tx;
    checkDone(account, wanted);
    const called = attempt.callbackUsedAt !== null;
    if (called && view.status === 'not_found') {
      attempt.undo = attempt.undo.filter((id) => id !== attempt.providerAccountId);
      attempt.providerAccountId = account.providerAccountId;
      attempt.callbackUsedAt = null;
      const text = 'The login page named an account that the provider does not know.';
      addTimelineEvent(em, account, at, 'callback_refused', text, { attempt: attempt.number });
    } else if (called) await placeStep(tx, settingUp, 'accepted');
    return progressOf(tx);
  });

/**
 * The part of a reconnection that needs no owner: an account that works, or that the provider can restart, is connected
 * at once. New credentials always mean a new login.
 */
export async function reviveLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (tx) => {
    const { em, account, attempt, at } = tx;
    const ending = await endingReason(tx);
    const upstream = attempt.providerAccountId ?? account.providerAccountId;
    if (attempt.state !== 'running' || ending || attempt.input || attempt.currentStepId || !upstream)
      return { over: progressOf(tx, ending) };
    const connection = await connectionTo(context, em, account, at, upstream);
    return { over: null, account, wanted: account.checkRequestedAt, ...connection };
  });
  if (start.over) return start.over;
  const { provider, call, wanted } = start;

  let view = await provider.login.check(call);
  if (view.status === 'needs_restart' && (await restartWithinBudget(context, ref, provider, call)))
    view = await provider.login.check(call);
  // A login of another identity does not end the attempt: the owner can still log in again.
  const isDifferent = isDifferentIdentity(start.account, view);
  // The owner came to renew what ends soon: that it still works is not enough.
  const isRenewed = (start.account.keysAskAt?.getTime() ?? Infinity) > call.now;
  if (view.status === 'linked' && !isDifferent && isRenewed)
    return completeLogin(context, ref, provider, call, view, wanted);
  return withAttempt(context, ref, async (tx) => {
    checkDone(tx.account, wanted);
    const { trigger } = tx.attempt;
    const lost = isDifferent ? 'another_identity' : reasonForLogin(view.status, view.reason);
    if (trigger === 'automatic' && view.status !== 'degraded') return progressOf(tx, lost);
    if (view.status === 'degraded') {
      tx.attempt.providerAccountId = call.providerAccountId;
      await placeStep(tx, settingUp, null);
    }
    return progressOf(tx);
  });
}

/**
 * Asks the provider for the status of an account at rest and changes its state accordingly, restarting it where that may
 * help. An event alone changes no state: webhooks without signatures can be forged.
 */
export async function checkAccount(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async ({ em, account, at, ...tx }) => {
    const unconnected = account.mergedInto !== null || !account.providerAccountId;
    if (unconnected) account.checkDueAt = null;
    if (unconnected || !account.checkRequestedAt) {
      account.checkRequestedAt = null;
      return { over: progressOf({ em, account, at, ...tx }), wanted: null, connection: null };
    }
    const connection = await connectionTo(context, em, account, at, account.providerAccountId);
    // The request stays: it is carried out once the provider accepts the key again.
    if (connection.credentials.refusedAt) {
      moveAccount(em, account, uncheckable(account, at));
      return { over: progressOf({ em, account, at, ...tx }), wanted: null, connection: null };
    }
    account.reportedSince = false;
    return { over: null, wanted: account.checkRequestedAt, toldLostAt: account.toldLostAt, connection };
  });
  if (start.over) return start.over;
  const { provider, call } = start.connection;
  const isToldLost = start.toldLostAt !== null && start.toldLostAt !== undefined;
  const read = async () => {
    let view = await provider.login.check(call);
    if (view.status === 'needs_restart' && (await restartWithinBudget(context, ref, provider, call)))
      view = await provider.login.check(call);
    return { view, details: view.status === 'linked' ? await provider.account.details(call, view) : null };
  };
  const found = await read().catch((error: unknown) => {
    if (error instanceof ProviderFailure && (isToldLost || error.code === 'provider_key_rejected')) return null;
    throw error;
  });
  return withAttempt(context, ref, async (tx) => {
    const { em, account, at } = tx;
    // An attempt that began meanwhile decides the account's state.
    if (account.providerAccountId !== call.providerAccountId || (await isSuperseded(tx))) return progressOf(tx);
    checkDone(account, start.wanted);
    if (!found) {
      account.checkedAt = at;
      moveAccount(em, account, uncheckable(account, at));
      account.checkDueAt = nextCheckAt(account, at);
      return progressOf(tx);
    }
    const { view, details } = found;
    if (account.toldLostAt?.getTime() === start.toldLostAt?.getTime()) account.toldLostAt = null;
    followCheck(em, account, view, at);
    if (details && !isDifferentIdentity(account, view))
      await saveDetails(context.vault, em, account, view, details, at);
    // What was reported while the provider was asked may be newer than its answer.
    const isAgain = account.state !== 'active' && account.reportedSince;
    account.reportedSince = false;
    if (!isAgain) return progressOf(tx);
    account.checkRequestedAt ??= at;
    return { ...progressOf(tx), wakeAt: at.getTime(), wakeInMs: 0 };
  });
}

/** An account that cannot be checked: what its provider said of it, signed, counts; else its key is refused. */
const uncheckable = ({ toldLostAt }: Account, at: Date): AccountEvent =>
  toldLostAt ? { type: 'login_lost', at, reason: 'login_lost' satisfies FailureCode } : { type: 'key_refused', at };
