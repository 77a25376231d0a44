import { newestAttempt, type AttemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import { changeTopics } from '../../domain/change-topics.ts';
import { pollUntil } from '../../platform/poll-until.ts';
import { anyAccount, refOf } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import type { Principal } from '../principal.ts';
import { Problem } from '../problem.ts';
import { signalConnection } from '../signal.ts';

/** The newest attempt of an account. 404 before the first. */
export const currentAttempt = (context: Context, principal: Principal, accountId: string): Promise<AttemptWithStep> =>
  context.db.tenant(principal.tenantId, async (em) => {
    const account = await anyAccount(em, accountId);
    const newest = await newestAttempt(em, account.id);
    if (!newest) throw new Problem('not_found', 'The account has no attempt yet.');
    return newest;
  });

/**
 * The newest attempt. With `after`, a step's id, it answers once the current step is another one, the attempt has ended,
 * or `wait` seconds have passed. When a step or an attempt is overdue, its run is signalled, once per request: the clock
 * may have been changed, or a timer lost.
 */
export async function watchAttempt(
  context: Context,
  principal: Principal,
  accountId: string,
  { after, wait }: { after?: string; wait: number },
  gone: AbortSignal,
): Promise<AttemptWithStep> {
  let signalled = false;
  const check = async (): Promise<AttemptWithStep> => {
    const { account, newest } = await context.db.tenant(principal.tenantId, async (em) => {
      const found = await anyAccount(em, accountId);
      return { account: found, newest: await newestAttempt(em, found.id) };
    });
    if (!newest) throw new Problem('not_found', 'The account has no attempt yet.');
    if (!signalled && isOverdue(newest, context.clock.now())) {
      signalled = true;
      void signalConnection(context, refOf(account), 'api');
    }
    return newest;
  };
  const isNews = ({ attempt, step }: AttemptWithStep): boolean =>
    after === undefined || attempt.state !== 'running' || (step?.id ?? attempt.id) !== after;
  const topics = [changeTopics.attempts(accountId)];
  return pollUntil(context.changes, { tenantId: principal.tenantId, topics, seconds: wait, gone }, check, isNews);
}

function isOverdue({ attempt, step }: AttemptWithStep, now: Date): boolean {
  if (attempt.state !== 'running') return false;
  return attempt.deadlineAt <= now || Boolean(step?.expiresAt && !step.endedAt && step.expiresAt <= now);
}
