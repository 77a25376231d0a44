import type { ReturnOutcome } from '../../domain/addresses.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { lockAttempt } from '../../db/queries/attempts/lock-attempt.ts';
import { sealed } from '../../db/sealed.ts';
import { newId } from '../../platform/ids.ts';
import { refOf } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { signalConnection } from '../signal.ts';
import { hashToken } from './new-attempt.ts';

/**
 * The owner's browser comes back from an authorization page. A code becomes the answer of the step that led there, and
 * the run exchanges it; a return without one cancels the login. Only the first code of a step counts. Answers where the
 * browser goes on to. Throws 404 for a state that names no login.
 */
export async function returnFromOAuth(
  context: Context,
  provider: string,
  { state, code }: { state: string; code: string | null },
): Promise<{ outcome: ReturnOutcome; redirect: string | undefined }> {
  const outcome = code === null ? 'failure' : 'success';
  const { account, redirect } = await context.db.system(async (em) => {
    const found = await em.findOne(ConnectionAttempt, { callbackHash: hashToken(state), method: 'oauth' });
    if (!found) throw new Problem('not_found', 'There is no such login.');
    const { account: held, attempt, step } = await lockAttempt(em, found.accountId, found.number);
    if (held.provider !== provider) throw new Problem('not_found', 'There is no such login.');
    const waits = attempt.state === 'running' && step?.kind === 'redirect' && !step.endedAt && !step.answerId;
    if (waits) {
      const now = context.clock.now();
      const more = { attempt: attempt.number };
      if (code === null) {
        attempt.cancelRequestedAt ??= now;
        addTimelineEvent(em, held, now, 'came_back', 'The owner came back from the login page without a login.', more);
      } else {
        step.answerId = newId();
        step.answeredAt = now;
        const keys = await context.vault.keysOf(em, held.tenantId);
        step.answer = keys.seal(code, sealed.stepAnswer(step.answerId));
        held.checkRequestedAt = now;
        addTimelineEvent(em, held, now, 'called_back', 'The owner came back from the login page with a code.', more);
      }
    }
    return { account: refOf(held), redirect: attempt.redirects?.[outcome] };
  });
  await signalConnection(context, account, 'login_page');
  return { outcome, redirect };
}
