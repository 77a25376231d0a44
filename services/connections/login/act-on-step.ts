import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import { sealed } from '../../../db/sealed.ts';
import { failureRow, ProviderFailure } from '../../../domain/failures.ts';
import { type AttemptRef, type Progress, unsentAfterMs } from '../../../domain/attempts.ts';
import type { StepContent } from '../../../domain/steps.ts';
import type { LoginProgress, Provider, ProviderCall } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { applyLoginProgress, startProviderLogin } from './apply-login-progress.ts';
import { askedOnceMore } from './authorization.ts';
import { adoptUnconfirmedLogin } from './begin-login.ts';
import { checkLogin } from './checks.ts';
import { type AttemptTx, connectionTo, loginInput, withAttempt } from './attempt-tx.ts';
import { notingRefusal } from './note-refusal.ts';
import { contentOf, endingReason, endStep, placeStep, progressOf } from './steps.ts';

/** An action of the owner at a step. `answerId` names the sealed answer. */
export interface StepActionRef extends AttemptRef {
  stepId: string;
  action: 'answer' | 'resend' | 'another_way';
  answerId: string;
}

/**
 * Carries out the owner's action at a step. An answer is posted to the provider at most once: `sentAt` is committed
 * first, and a retry that finds it without an outcome checks the login instead of posting again. The same holds for a code
 * that is requested again and for another way.
 */
export async function actOnStep(context: Context, ref: StepActionRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (tx) => {
    const { em, account, attempt, step, at } = tx;
    const ending = await endingReason(tx);
    const current = attempt.state === 'running' && step?.id === ref.stepId && !step.endedAt;
    if (!current || ending) return { over: progressOf(tx, ending) };
    const content = contentOf(tx.keys, step);
    if (!content) throw new Error('The step has no content: it has ended.');
    const connection = await connectionTo(context, em, account, at, attempt.providerAccountId);
    const input = loginInput(context, tx, connection);
    if (ref.action !== 'answer') {
      const unclear = step.moveId === ref.answerId ? at : null;
      step.moveId = ref.answerId;
      return { over: null, ...connection, content, input, answer: null, unclear };
    }
    if (step.answerId !== ref.answerId || !step.answer) return { over: progressOf(tx) };
    const unclear = step.sentAt;
    step.sentAt ??= at;
    const answer = tx.keys.open(step.answer, sealed.stepAnswer(ref.answerId));
    return { over: null, ...connection, content, input, answer, unclear };
  });
  if (start.over) return start.over;
  const { provider, call, content, input } = start;

  if (start.answer === null)
    return start.unclear ? afterUnclearMove(context, ref) : moveOn(context, ref, provider, call);
  if (start.unclear) {
    // An answer can be the call that makes the login upstream; a lost one is searched for like a lost beginning.
    const since = start.unclear.getTime();
    const made = !call.providerAccountId && (await adoptUnconfirmedLogin(context, ref, provider, call, input, since));
    if (!made) return afterUnclearAnswer(context, ref, (tx) => askedOnceMore(context, tx, start, content));
    const next = await startProviderLogin(context, ref, provider, input, call);
    return applyLoginProgress(context, ref, next, { provider, call, outcome: 'accepted' });
  }
  let next: LoginProgress;
  try {
    const { oauth } = input;
    const exchange = content.kind === 'redirect' && oauth ? provider.oauth?.exchange : undefined;
    const asked =
      exchange && oauth
        ? exchange(call, start.answer, { ...input, oauth })
        : provider.login.answer(call, content, start.answer, input);
    next = await notingRefusal(context, ref, asked);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    const { action } = failureRow(error.code);
    if (action === 'ask_again')
      return withAttempt(context, ref, (tx) => askAgain(tx, askedOnceMore(context, tx, start, content)));
    if (isRetriedWithoutEffect(error))
      await withAttempt(context, ref, ({ step }) => {
        if (step?.id === ref.stepId) step.sentAt = null;
      });
    throw error;
  }
  // Outside the try block: the provider took the answer, whatever fails from here on.
  return applyLoginProgress(context, ref, next, { provider, call, outcome: 'accepted' });
}

/** Has the code sent again, or another way tried, once: `moveId` is committed before. */
async function moveOn(context: Context, ref: StepActionRef, provider: Provider, call: ProviderCall): Promise<Progress> {
  const again = ref.action === 'resend';
  const ask = again ? provider.login.resend : provider.login.anotherWay;
  let next: LoginProgress | 'refused' | null;
  try {
    next = ask ? await ask(call) : 'refused';
  } catch (error) {
    if (isRetriedWithoutEffect(error))
      await withAttempt(context, ref, ({ step }) => {
        if (step?.moveId === ref.answerId) step.moveId = null;
      });
    if (!isRefusal(error)) throw error;
    next = 'refused';
  }
  if (next && next !== 'refused')
    return applyLoginProgress(context, ref, next, { provider, call, outcome: 'replaced' });
  return noteMove(context, ref, next === null ? outcomes.resent : again ? outcomes.notResent : outcomes.noOtherWay);
}

/** The provider may have taken the request: it is not repeated, and a login that it decided is found. */
async function afterUnclearMove(context: Context, ref: StepActionRef): Promise<Progress> {
  const progress = await checkLogin(context, ref);
  if (progress.state !== 'open' || progress.stepId !== ref.stepId) return progress;
  return noteMove(context, ref, ref.action === 'resend' ? outcomes.resendUnclear : outcomes.otherWayUnclear);
}

const noteMove = (context: Context, ref: StepActionRef, [kind, text]: readonly [string, string]): Promise<Progress> =>
  withAttempt(context, ref, (tx) => {
    addTimelineEvent(tx.em, tx.account, tx.at, kind, text, { attempt: tx.attempt.number });
    return { ...progressOf(tx), note: kind };
  });

/** Only these may be asked again: any other failure whose report is lost would have it asked a second time. */
const isRetriedWithoutEffect = (error: unknown): boolean =>
  error instanceof ProviderFailure &&
  error.effect === 'none' &&
  ['retry', 'wait'].includes(failureRow(error.code).action);

const outcomes = {
  resent: ['resent', 'The code was sent again.'],
  notResent: ['resend_refused', 'The provider did not send the code again; the last one is still valid.'],
  resendUnclear: ['resend_unclear', 'It is unknown whether the code was sent again. If none comes, ask once more.'],
  otherWayUnclear: ['another_way_unclear', 'It is unknown whether the provider changed the way. Ask once more.'],
  noOtherWay: ['another_way_refused', 'The provider offers no other way; the current step is still valid.'],
} as const;

/** A request that the provider refuses (too early, no other way) leaves the login as it is. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ProviderFailure &&
  ['request_refused', 'checkpoint_refused', 'wrong_answer', 'unsupported'].includes(error.code);

/** Places the same question as a new step, until the allowed wrong answers are used up. */
async function askAgain(tx: AttemptTx, content: StepContent): Promise<Progress> {
  const { em, account, attempt, at, step } = tx;
  attempt.answersLeft -= 1;
  addTimelineEvent(em, account, at, 'answer_refused', 'The provider refused the answer.', {
    attempt: attempt.number,
    data: { answers_left: attempt.answersLeft },
  });
  if (attempt.answersLeft <= 0) {
    endStep(tx, 'refused');
    return progressOf(tx, 'too_many_wrong_answers');
  }
  const next = {
    linked: false as const,
    content,
    expiresAt: step?.expiresAt?.getTime() ?? null,
    canResend: step?.canResend ?? false,
    canTryAnotherWay: step?.canTryAnotherWay ?? false,
  };
  await placeStep(tx, next, 'refused', true);
  return progressOf(tx);
}

/** The answer may have arrived: checks the login, and asks the owner for a new answer when that does not decide. */
async function afterUnclearAnswer(
  context: Context,
  ref: StepActionRef,
  contentIn: (tx: AttemptTx) => StepContent,
): Promise<Progress> {
  const progress = await checkLogin(context, ref);
  if (progress.state !== 'open' || progress.stepId !== ref.stepId) return progress;
  return withAttempt(context, ref, async (tx) => {
    const { em, account, attempt, at, step } = tx;
    if (step?.id !== ref.stepId) return progressOf(tx);
    addTimelineEvent(
      em,
      account,
      at,
      'answer_unclear',
      'It is unknown whether the answer reached the provider. A new one is needed.',
      {
        attempt: attempt.number,
      },
    );
    const next = {
      linked: false as const,
      content: contentIn(tx),
      expiresAt: step.expiresAt?.getTime() ?? null,
      canResend: step.canResend,
      canTryAnotherWay: step.canTryAnotherWay,
    };
    await placeStep(tx, next, 'unclear', true);
    return progressOf(tx);
  });
}

/**
 * Checks a login. An answer that was stored while Temporal did not take it is sent instead, once it is so old that its
 * own API call has ended.
 */
export async function pollLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const unsent = await withAttempt(context, ref, ({ step, at }) => {
    if (!step?.answerId || !step.answeredAt || step.sentAt || step.endedAt) return null;
    const old = step.answeredAt.getTime() <= at.getTime() - unsentAfterMs;
    // The code of an authorization page has no API call that sends it.
    return old || step.kind === 'redirect'
      ? { stepId: step.id, answerId: step.answerId, action: 'answer' as const }
      : null;
  });
  return unsent ? actOnStep(context, { ...ref, ...unsent }) : checkLogin(context, ref);
}
