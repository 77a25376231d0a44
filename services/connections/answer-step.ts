import { answerable, type StepContent } from '../../domain/steps.ts';
import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { ConnectionStep } from '../../db/entities/attempts.ts';
import { sealed } from '../../db/sealed.ts';
import { isId } from '../../platform/ids.ts';
import type { CallerRequest } from '../principal.ts';
import { phoneOrProblem } from '../contacts/phone-or-problem.ts';
import { Problem } from '../problem.ts';
import { contentOf } from './login/steps.ts';
import { currentAttempt } from './read-attempt.ts';
import { newestAttempt, type AttemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import { ownAccount, refOf } from '../accounts/find-account.ts';

/** A caller's request about one step of an account. */
export interface StepCall extends CallerRequest {
  accountId: string;
  stepId: string;
}

/**
 * Stores an answer sealed and has the run post it, once. Returns the attempt when the outcome is known, or after
 * `patienceMs`.
 */
export async function answerStep(call: StepCall, text: string): Promise<AttemptWithStep> {
  const { context, principal, operationId, stepId } = call;
  const { account, answerId, other } = await context.db.tenant(principal.tenantId, async (em) => {
    const found = await ownAccount(em, call.accountId, true);
    const step = await openStep(em, found, stepId, operationId);
    if (!step) return { account: found, answerId: null, other: null };
    const keys = await context.vault.keysOf(em, principal.tenantId);
    const answer = checkAnswer(contentOf(keys, step), text);
    // Written under the account's lock only, so that two answers cannot both be the first.
    if (step.answerId && step.answerId !== operationId) {
      const same = step.answer !== null && keys.open(step.answer, sealed.stepAnswer(step.answerId)) === answer;
      return { account: found, answerId: same ? step.answerId : null, other: same ? null : step.answerId };
    }
    step.answerId = operationId;
    step.answeredAt ??= context.clock.now();
    step.answer ??= keys.seal(answer, sealed.stepAnswer(operationId));
    return { account: found, answerId: operationId, other: null };
  });
  if (other) {
    // The first answer's caller may have died before it reached the run: send that answer now.
    context.temporal
      .submitStep(refOf(account), { stepId, action: 'answer', answerId: other })
      .catch((error: unknown) =>
        context.log.warn({ account: account.id, err: error }, 'an answer did not reach its run'),
      );
    throw new Problem('answer_in_flight', undefined, { retryAfter: 2 });
  }
  if (answerId) await submit(call, account, 'answer', answerId, () => withdraw(call, answerId));
  return currentAttempt(context, principal, account.id);
}

/** Has the code sent again, or another way tried; 422 when the step says that it cannot. */
export async function moveStep(call: StepCall, action: 'resend' | 'another_way'): Promise<AttemptWithStep> {
  const { context, principal, operationId, stepId } = call;
  const account = await context.db.tenant(principal.tenantId, async (em) => {
    const found = await ownAccount(em, call.accountId, true);
    const step = await openStep(em, found, stepId, null);
    if (action === 'resend' && !step?.canResend) throw new Problem('cannot_resend');
    if (action === 'another_way' && !step?.canTryAnotherWay) throw new Problem('cannot_try_another_way');
    return found;
  });
  await submit(call, account, action, operationId);
  return currentAttempt(context, principal, account.id);
}

async function submit(
  { context, stepId }: StepCall,
  account: Account,
  action: 'answer' | 'resend' | 'another_way',
  answerId: string,
  withdrawn?: () => Promise<void>,
): Promise<void> {
  const outcome = await context.temporal.submitStep(refOf(account), { stepId, action, answerId });
  if (!outcome || 'ref' in outcome) return;
  await withdrawn?.();
  throw outcome.refused === 'answer_in_flight'
    ? new Problem('answer_in_flight', undefined, { retryAfter: 2 })
    : new Problem('stale_step');
}

/**
 * The step while it is current. Null when `answerId` already ended it, so that a repeat of that request is no error.
 * 404 for an unknown step, 409 for one that is no longer current.
 */
async function openStep(
  em: Em,
  account: Account,
  stepId: string,
  answerId: string | null,
): Promise<ConnectionStep | null> {
  const step = isId(stepId) ? await em.findOne(ConnectionStep, { id: stepId, accountId: account.id }) : null;
  if (!step) throw new Problem('not_found', 'The account has no such step.');
  const newest = await newestAttempt(em, account.id);
  const current = newest?.attempt.state === 'running' && newest.step?.id === stepId && !step.endedAt;
  if (current) return step;
  if (answerId !== null && step.answerId === answerId) return null;
  throw new Problem('stale_step');
}

/** Removes an answer that the run refused, unless it was posted after all. */
const withdraw = ({ context, principal, accountId, stepId }: StepCall, answerId: string): Promise<void> =>
  context.db.tenant(principal.tenantId, async (em) => {
    await ownAccount(em, accountId, true);
    const step = await em.findOne(ConnectionStep, { id: stepId });
    if (step?.answerId !== answerId || step.sentAt || step.endedAt) return;
    step.answer = null;
    step.answerId = null;
    step.answeredAt = null;
  });

/** The answer as the provider gets it. 422 for an answer that the provider would surely refuse. */
function checkAnswer(content: StepContent | null, text: string): string {
  if (!content || !answerable.has(content.kind)) throw new Problem('step_takes_no_answer');
  const answer = text.trim();
  if (!answer) throw new Problem('invalid_request', 'answer: must not be empty.');
  if (content.kind === 'phone') return phoneOrProblem('answer', answer);
  if (content.kind === 'choose' && !content.options.some(({ id }) => id === answer))
    throw new Problem('invalid_request', `answer: one of ${content.options.map(({ id }) => id).join(', ')}.`);
  return answer;
}
