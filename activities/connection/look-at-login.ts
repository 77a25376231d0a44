import { tell } from '../../db/account-events.ts';
import type { FailureCode } from '../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../domain/progress.ts';
import type { AccountView } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import { advance, settingUp } from './advance.ts';
import { askToBegin } from './ask-to-begin.ts';
import { link } from './link.ts';
import { connectionTo, isStranger, loginInput, looked, withAttempt } from './rows.ts';
import { endingReason, placeStep, progressOf } from './steps.ts';

/**
 * Confirms or renews: asks the provider how the login stands. A finished login is linked, whatever webhook was lost;
 * a lapsed QR code is replaced by a new one; a step whose time is over ends the attempt.
 */
export const lookAtLogin =
  (deps: Deps) =>
  async (ref: AttemptRef): Promise<Progress> => {
    const start = await withAttempt(deps, ref, async (held) => {
      const { em, account, attempt, step, at } = held;
      const ending = await endingReason(held);
      // There is nothing to look at yet.
      if (!attempt.providerAccountId) account.lookWantedAt = null;
      if (
        attempt.state !== 'running' ||
        ending === 'superseded' ||
        ending === 'cancelled' ||
        !attempt.providerAccountId
      )
        return { over: progressOf(held, ending) };
      attempt.looks += 1;
      const connection = await connectionTo(deps, em, account, at, attempt.providerAccountId);
      const lapsed = step?.expiresAt !== null && step?.expiresAt !== undefined && step.expiresAt <= at;
      return {
        over: null,
        ...connection,
        ending,
        lapsed,
        kind: step?.kind,
        wanted: account.lookWantedAt,
        input: loginInput(deps, held),
      };
    });
    if (start.over) return start.over;
    const { provider, call, ending, lapsed, kind, input, wanted } = start;

    const view = await provider.login.look(call);
    if (view.status === 'linked') return link(deps, ref, provider, call, view, wanted);
    const after = (reason: FailureCode | null = null): Promise<Progress> =>
      withAttempt(deps, ref, (held) => {
        looked(held.account, wanted);
        return progressOf(held, reason);
      });
    if (ending) return after(ending);
    if (kind === 'qr' && lapsed) {
      const next = await askToBegin(deps, ref, provider, input, call);
      return advance(deps, ref, next, { provider, call, outcome: 'replaced' });
    }
    if (kind === 'redirect') return afterPage(deps, ref, view, wanted);
    // Whether a provider shows a login that nobody has scanned yet is not established: only its lapse decides.
    const vanished = view.status === 'gone' && kind !== 'qr';
    return after(vanished || (lapsed && kind !== 'wait') ? 'checkpoint_expired' : null);
  };

/**
 * The provider's page called back, or time passed: an account that the provider does not know is never attached, one
 * that it is still setting up is waited for.
 */
const afterPage = (deps: Deps, ref: AttemptRef, view: AccountView, wanted: Date | null): Promise<Progress> =>
  withAttempt(deps, ref, async (held) => {
    const { em, account, attempt, at } = held;
    looked(account, wanted);
    const called = attempt.callbackUsedAt !== null;
    if (called && view.status === 'gone') {
      attempt.undo = attempt.undo.filter((id) => id !== attempt.providerAccountId);
      attempt.providerAccountId = account.providerAccountId;
      attempt.callbackUsedAt = null;
      tell(em, account, at, 'callback_refused', 'The login page named an account that the provider does not know.', {
        attempt: attempt.number,
      });
    } else if (called) await placeStep(deps, held, settingUp, 'accepted');
    return progressOf(held);
  });

/**
 * The part of a reconnection that needs no human: an account that works, or that the provider can restart, is linked
 * again at once. Fresh credentials always mean a fresh login.
 */
export const reviveLogin =
  (deps: Deps) =>
  async (ref: AttemptRef): Promise<Progress> => {
    const start = await withAttempt(deps, ref, async (held) => {
      const { em, account, attempt, at } = held;
      const ending = await endingReason(held);
      const upstream = attempt.providerAccountId ?? account.providerAccountId;
      if (attempt.state !== 'running' || ending || attempt.input || attempt.currentStepId || !upstream)
        return { over: progressOf(held, ending) };
      const connection = await connectionTo(deps, em, account, at, upstream);
      return { over: null, account, wanted: account.lookWantedAt, ...connection };
    });
    if (start.over) return start.over;
    const { provider, call, wanted } = start;

    let view = await provider.login.look(call);
    if (view.status === 'halted' && (await provider.login.restore(call))) view = await provider.login.look(call);
    // Somebody else's login on it is no reason to give up: the owner can still log in anew.
    const stranger = isStranger(start.account, view);
    if (view.status === 'linked' && !stranger) return link(deps, ref, provider, call, view, wanted);
    return withAttempt(deps, ref, async (held) => {
      looked(held.account, wanted);
      const { trigger } = held.attempt;
      const lost = stranger ? 'another_identity' : view.status === 'gone' ? 'account_gone' : 'login_lost';
      if (trigger === 'automatic' && view.status !== 'interrupted') return progressOf(held, lost);
      if (view.status === 'interrupted') {
        held.attempt.providerAccountId = call.providerAccountId;
        await placeStep(deps, held, settingUp, null);
      }
      return progressOf(held);
    });
  };
