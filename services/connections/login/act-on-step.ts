import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import { sealed } from '../../../db/sealed.ts';
import { failureRow, ProviderFailure } from '../../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { StepContent } from '../../../domain/steps.ts';
import type { LoginProgress } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { applyLoginProgress } from './apply-login-progress.ts';
import { startProviderLogin } from './start-provider-login.ts';
import { adoptUnconfirmedLogin } from './begin-login.ts';
import { checkLogin } from './check-login.ts';
import { connectionTo, loginInput, withAttempt, type AttemptTx } from './attempt-tx.ts';
import { contentOf, endingReason, endStep, placeStep, progressOf } from './steps.ts';

export interface StepActionRef extends AttemptRef {
  stepId: string;
  action: 'answer' | 'resend' | 'another_way';
  answerId: string;
}

/**
 * Carries out what the owner did at a step. An answer is posted to the provider at most once: that it is being sent
 * is committed first, and a retry that finds it sent without an outcome looks at the login instead of posting again.
 */
export async function actOnStep(context: Context, ref: StepActionRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (held) => {
    const { em, account, attempt, step, at } = held;
    const ending = await endingReason(held);
    const current = attempt.state === 'running' && step?.id === ref.stepId && !step.endedAt;
    if (!current || ending) return { over: progressOf(held, ending) };
    const content = contentOf(held.keys, step);
    const connection = await connectionTo(context, em, account, at, attempt.providerAccountId);
    const input = loginInput(context, held);
    if (ref.action !== 'answer') return { over: null, ...connection, content, input, answer: null, unclear: null };
    if (step.answerId !== ref.answerId || !step.answer) return { over: progressOf(held) };
    const unclear = step.sentAt;
    step.sentAt ??= at;
    const answer = held.keys.open(step.answer, sealed.stepAnswer(ref.answerId));
    return { over: null, ...connection, content, input, answer, unclear };
  });
  if (start.over) return start.over;
  const { provider, call, content, input } = start;

  if (start.answer === null) {
    const again = ref.action === 'resend';
    const asked = again ? provider.login.resend(call) : provider.login.anotherWay(call);
    const next = await asked.catch((error: unknown) => {
      if (isRefusal(error)) return 'refused' as const;
      throw error;
    });
    if (next && next !== 'refused')
      return applyLoginProgress(context, ref, next, { provider, call, outcome: 'replaced' });
    return withAttempt(context, ref, (held) => {
      const [kind, text] = next === null ? told.again : again ? told.notAgain : told.noOtherWay;
      addTimelineEvent(held.em, held.account, held.at, kind, text, { attempt: held.attempt.number });
      return progressOf(held);
    });
  }
  if (start.unclear) {
    // The answer that makes the login upstream: what the lost try made is found like a lost beginning.
    const since = start.unclear.getTime();
    const made = !call.providerAccountId && (await adoptUnconfirmedLogin(context, ref, provider, call, input, since));
    if (!made) return afterUnclearAnswer(context, ref, content);
    const next = await startProviderLogin(context, ref, provider, input, call);
    return applyLoginProgress(context, ref, next, { provider, call, outcome: 'accepted' });
  }
  let next: LoginProgress;
  try {
    next = await provider.login.answer(call, content, start.answer, input);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    const { action } = failureRow(error.code);
    if (action === 'ask_again') return withAttempt(context, ref, (held) => askAgain(held, content));
    // Forgotten only for a retry that is sure to come; what is given up stays sent, should its report get lost.
    if (error.effect === 'none' && (action === 'retry' || action === 'wait'))
      await withAttempt(context, ref, ({ step }) => {
        if (step?.id === ref.stepId) step.sentAt = null;
      });
    throw error;
  }
  // Outside of the above: what fails from here on says nothing of the answer, which was taken.
  return applyLoginProgress(context, ref, next, { provider, call, outcome: 'accepted' });
}

const told = {
  again: ['resent', 'The code was sent again.'],
  notAgain: ['resend_refused', 'The provider did not send the code again; the last one still counts.'],
  noOtherWay: ['another_way_refused', 'The provider offers no other way; the present step still counts.'],
} as const;

/** A wish that the provider does not grant (too early, no other way) leaves the login as it is. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ProviderFailure &&
  ['request_refused', 'checkpoint_refused', 'wrong_answer', 'unsupported'].includes(error.code);

/** The same question as a new step, while the budget of answers lasts. */
async function askAgain(held: AttemptTx, content: StepContent): Promise<Progress> {
  const { em, account, attempt, at, step } = held;
  attempt.answersLeft -= 1;
  addTimelineEvent(em, account, at, 'answer_refused', 'The provider refused the answer.', {
    attempt: attempt.number,
    data: { answers_left: attempt.answersLeft },
  });
  if (attempt.answersLeft <= 0) {
    endStep(held, 'refused');
    return progressOf(held, 'too_many_wrong_answers');
  }
  const next = {
    linked: false as const,
    content,
    expiresAt: step?.expiresAt?.getTime() ?? null,
    canResend: step?.canResend ?? false,
    canTryAnotherWay: step?.canTryAnotherWay ?? false,
  };
  await placeStep(held, next, 'refused', true);
  return progressOf(held);
}

/** The answer may have arrived: what the provider says of the login decides; else the owner is asked for a new one. */
async function afterUnclearAnswer(context: Context, ref: StepActionRef, content: StepContent): Promise<Progress> {
  const progress = await checkLogin(context, ref);
  if (progress.state !== 'open' || progress.stepId !== ref.stepId) return progress;
  return withAttempt(context, ref, async (held) => {
    const { em, account, attempt, at, step } = held;
    if (step?.id !== ref.stepId) return progressOf(held);
    addTimelineEvent(
      em,
      account,
      at,
      'answer_unclear',
      'Whether the answer reached the provider is unknown; it asks for a new one.',
      {
        attempt: attempt.number,
      },
    );
    const next = {
      linked: false as const,
      content,
      expiresAt: step.expiresAt?.getTime() ?? null,
      canResend: step.canResend,
      canTryAnotherWay: step.canTryAnotherWay,
    };
    await placeStep(held, next, 'unclear', true);
    return progressOf(held);
  });
}
