import type { AttemptRef, Progress } from '../../domain/progress.ts';
import type { Deps } from '../deps.ts';
import { askToBegin } from './ask-to-begin.ts';
import { advance, settingUp } from './advance.ts';
import { link } from './link.ts';
import { connectionTo, loginInput, withAttempt } from './rows.ts';
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
      return { over: null, ...connection, ending, lapsed, kind: step?.kind, input: loginInput(deps, held) };
    });
    if (start.over) return start.over;
    const { provider, call, ending, lapsed, kind, input } = start;

    const view = await provider.login.look(call);
    if (view.status === 'linked') return link(deps, ref, provider, call, view);
    if (ending) return withAttempt(deps, ref, (held) => progressOf(held, ending));
    if (kind === 'qr' && lapsed) {
      const next = await askToBegin(deps, ref, provider, input, call);
      return advance(deps, ref, next, { provider, call, outcome: 'replaced' });
    }
    // Whether a provider shows a login that nobody has scanned yet is not established: only its lapse decides.
    const vanished = view.status === 'gone' && kind !== 'qr';
    if (vanished || (lapsed && kind !== 'wait'))
      return withAttempt(deps, ref, (held) => progressOf(held, 'checkpoint_expired'));
    return withAttempt(deps, ref, (held) => progressOf(held));
  };

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
      return { over: null, ...(await connectionTo(deps, em, account, at, upstream)) };
    });
    if (start.over) return start.over;
    const { provider, call } = start;

    let view = await provider.login.look(call);
    if (view.status === 'halted' && (await provider.login.restore(call))) view = await provider.login.look(call);
    if (view.status === 'linked') return link(deps, ref, provider, call, view);
    return withAttempt(deps, ref, async (held) => {
      if (view.status === 'interrupted') {
        held.attempt.providerAccountId = call.providerAccountId;
        await placeStep(deps, held, settingUp, null);
      }
      return progressOf(held);
    });
  };
