import type { ApiContext } from '../context.ts';
import type { Principal } from '../http/auth.ts';
import { Problem } from '../http/problem.ts';
import { lookUntil } from '../http/wait.ts';
import { attemptView } from '../views/attempt.ts';
import { anyAccount, refOf, standingOf } from './find.ts';

/**
 * The newest attempt; with `after`, as soon as its step is another one or it has ended, or when `wait` seconds have
 * passed. A step or an attempt found past its time has its run told to look, once per request: time may have been
 * moved on, or a timer lost.
 */
export async function watchAttempt(
  context: ApiContext,
  principal: Principal,
  accountId: string,
  { after, wait }: { after?: string; wait: number },
  gone: AbortSignal,
) {
  let told = false;
  const look = () =>
    context.db.tenant(principal.tenantId, async (em) => {
      const account = await anyAccount(em, accountId);
      const standing = await standingOf(em, account.id);
      if (!standing) throw new Problem('not_found', 'The account has no attempt yet.');
      return { account, ...standing };
    });
  type Seen = Awaited<ReturnType<typeof look>>;

  const healed = async (): Promise<Seen> => {
    const seen = await look();
    if (!told && isOverdue(seen, context.clock.now())) {
      told = true;
      context.motion
        .tellConnection(refOf(seen.account))
        .catch((error: unknown) =>
          context.log.debug({ account: accountId, err: error }, 'not told of an overdue step'),
        );
    }
    return seen;
  };
  const isNews = ({ attempt, step }: Seen): boolean =>
    after === undefined || attempt.state !== 'running' || (step?.id ?? attempt.id) !== after;
  const seen = await lookUntil(wait, gone, healed, isNews);
  return attemptView(context, principal, seen);
}

function isOverdue(
  { attempt, step }: Pick<Awaited<ReturnType<typeof standingOf>> & object, 'attempt' | 'step'>,
  now: Date,
): boolean {
  if (attempt.state !== 'running') return false;
  return attempt.deadlineAt <= now || Boolean(step?.expiresAt && !step.endedAt && step.expiresAt <= now);
}
