import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import type { ApiContext } from '../context.ts';
import type { Principal } from '../http/auth.ts';
import { Problem } from '../http/problem.ts';
import { accountView } from '../views/account.ts';
import { attemptView } from '../views/attempt.ts';
import { anyAccount, ownAccount, refOf, standingOf, standingOfAttempt } from './find.ts';
import { addAttempt } from './new-attempt.ts';

interface Asked {
  context: ApiContext;
  principal: Principal;
  operationId: string;
}

/**
 * Wishes an account disconnected, whatever runs on it. Asked again while that is under way, or when it is done and
 * nothing was learned since, it answers the attempt there is.
 */
export async function disconnectAccount({ context, principal, operationId }: Asked, accountId: string, purge: boolean) {
  const { account, attemptId } = await context.db.tenant(principal.tenantId, async (em) => {
    const found = await ownAccount(em, accountId, true);
    const standing = await standingOf(em, found.id);
    const newest = standing?.attempt;
    const over = newest?.state === 'succeeded' && found.state === 'disconnected';
    const suffices =
      newest?.operation === 'disconnect' && newest.purge === purge && (newest.state === 'running' || over);
    if (suffices) return { account: found, attemptId: newest.id };
    const done = await em.findOne(ConnectionAttempt, { id: operationId });
    const wish = { id: operationId, operation: 'disconnect', method: found.method, purge } as const;
    if (!done) await addAttempt(context, em, found, wish);
    return { account: found, attemptId: operationId };
  });
  await tellOrLeave(context, account);
  return context.db.tenant(principal.tenantId, async (em) => ({
    account: accountView(await em.findOneOrFail(Account, { id: account.id })),
    attempt: attemptView(context, principal, await standingOfAttempt(em, attemptId)),
  }));
}

/** Ends the running attempt on the owner's wish; what it made at the provider is deleted there. */
export async function cancelAttempt({ context, principal }: Asked, accountId: string) {
  const account = await context.db.tenant(principal.tenantId, async (em) => {
    const found = await ownAccount(em, accountId, true);
    const standing = await standingOf(em, found.id);
    if (standing?.attempt.state === 'running') standing.attempt.cancelRequestedAt ??= context.clock.now();
    else if (standing?.attempt.state !== 'cancelled') throw new Problem('attempt_ended', 'No attempt is running.');
    return found;
  });
  await tellOrLeave(context, account);
  return currentAttempt(context, principal, accountId);
}

/** The newest attempt of an account, as callers see it. */
export const currentAttempt = (context: ApiContext, principal: Principal, accountId: string) =>
  context.db.tenant(principal.tenantId, async (em) => {
    const account = await anyAccount(em, accountId);
    const standing = await standingOf(em, account.id);
    if (!standing) throw new Problem('not_found', 'The account has no attempt yet.');
    return attemptView(context, principal, standing);
  });

/** The wish is stored: when Temporal does not take the word now, the reconciler says it later. */
export async function tellOrLeave({ motion, log }: ApiContext, account: Account): Promise<void> {
  try {
    await motion.tellConnection(refOf(account), 2_000);
  } catch (error) {
    log.warn({ account: account.id, err: error }, 'Temporal was not told; the reconciler will');
  }
}
