import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { attemptWithStep, newestAttempt, type AttemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import { ownAccount, refOf } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import type { CallerRequest } from '../principal.ts';
import { Problem } from '../problem.ts';
import { signalConnection } from '../signal.ts';
import { addAttempt } from './new-attempt.ts';
import type { AccountWithAttempt } from './connect-account.ts';
import { deleteFailedLogin } from './delete-failed-login.ts';
import { currentAttempt } from './read-attempt.ts';

/** `deleted`: it was never connected, and is not in the database any more; the rest is what it was. */
export type DisconnectedAccount = AccountWithAttempt & { deleted: boolean };

/**
 * Requests that an account is disconnected; supersedes what runs on it. Repeated while a disconnection is running, or
 * after it was done, it answers the existing attempt. With `purge` a first login that failed is deleted at once.
 */
export async function disconnectAccount(
  request: CallerRequest,
  accountId: string,
  purge: boolean,
): Promise<DisconnectedAccount> {
  const failed = purge ? await deleteFailedLogin(request, accountId) : null;
  if (failed) return { ...failed, deleted: true };
  const { context, principal, operationId } = request;
  const { account, attemptId } = await context.db.tenant(principal.tenantId, (em) =>
    addDisconnection(context, em, accountId, operationId, purge),
  );
  await signalConnection(context, refOf(account), 'api');
  return context.db.tenant(principal.tenantId, async (em) => ({
    account: await em.findOneOrFail(Account, { id: account.id }),
    ...(await attemptWithStep(em, attemptId)),
    deleted: false,
  }));
}

/** Writes the disconnection of an account, without starting its run; answers the attempt that counts. */
export async function addDisconnection(
  context: Context,
  em: Em,
  accountId: string,
  operationId: string,
  purge: boolean,
): Promise<{ account: Account; attemptId: string }> {
  const found = await ownAccount(em, accountId, true);
  const newest = (await newestAttempt(em, found.id))?.attempt;
  const over = newest?.state === 'succeeded' && found.state === 'disconnected';
  const suffices = newest?.operation === 'disconnect' && newest.purge === purge && (newest.state === 'running' || over);
  if (suffices) return { account: found, attemptId: newest.id };
  const done = await em.findOne(ConnectionAttempt, { id: operationId });
  const attempt = { id: operationId, operation: 'disconnect', method: found.method, purge } as const;
  if (!done) await addAttempt(context, em, found, attempt);
  return { account: found, attemptId: operationId };
}

/** Requests that the running attempt is cancelled; what it made at the provider is then deleted. */
export async function cancelAttempt(
  { context, principal }: CallerRequest,
  accountId: string,
): Promise<AttemptWithStep> {
  const account = await context.db.tenant(principal.tenantId, async (em) => {
    const found = await ownAccount(em, accountId, true);
    const newest = (await newestAttempt(em, found.id))?.attempt;
    if (newest?.state === 'running') newest.cancelRequestedAt ??= context.clock.now();
    else if (newest?.state !== 'cancelled') throw new Problem('attempt_ended', 'No attempt is running.');
    return found;
  });
  await signalConnection(context, refOf(account), 'api');
  return currentAttempt(context, principal, accountId);
}
