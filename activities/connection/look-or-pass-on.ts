import { unsentAfterMs } from '../../domain/budgets.ts';
import type { AttemptRef, Progress } from '../../domain/progress.ts';
import type { Deps } from '../deps.ts';
import { actOnStep } from './act-on-step.ts';
import { lookAtLogin } from './look-at-login.ts';
import { withAttempt } from './rows.ts';

/**
 * A look at a login. An answer that was stored while Temporal did not take it is passed on instead, once it is old
 * enough that its own call cannot be under way any more.
 */
export const lookOrPassOn =
  (deps: Deps) =>
  async (ref: AttemptRef): Promise<Progress> => {
    const unsent = await withAttempt(deps, ref, ({ step, at }) => {
      if (!step?.answerId || !step.answeredAt || step.sentAt || step.endedAt) return null;
      const old = step.answeredAt.getTime() <= at.getTime() - unsentAfterMs;
      return old ? { stepId: step.id, answerId: step.answerId, action: 'answer' as const } : null;
    });
    return unsent ? actOnStep(deps)({ ...ref, ...unsent }) : lookAtLogin(deps)(ref);
  };
