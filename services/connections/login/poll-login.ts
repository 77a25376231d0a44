import { type AttemptRef, type Progress, unsentAfterMs } from '../../../domain/attempts.ts';
import type { Context } from '../../context.ts';
import { actOnStep } from './act-on-step.ts';
import { checkLogin } from './check-login.ts';
import { withAttempt } from './attempt-tx.ts';

/**
 * A look at a login. An answer that was stored while Temporal did not take it is passed on instead, once it is old
 * enough that its own call cannot be under way any more.
 */
export async function pollLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const unsent = await withAttempt(context, ref, ({ step, at }) => {
    if (!step?.answerId || !step.answeredAt || step.sentAt || step.endedAt) return null;
    const old = step.answeredAt.getTime() <= at.getTime() - unsentAfterMs;
    return old ? { stepId: step.id, answerId: step.answerId, action: 'answer' as const } : null;
  });
  return unsent ? actOnStep(context, { ...ref, ...unsent }) : checkLogin(context, ref);
}
