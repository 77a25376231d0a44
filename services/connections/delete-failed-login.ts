import type { Em } from '../../db/connect.ts';
import { Account, AccountEvent } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { attemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import { changeTopics } from '../../domain/change-topics.ts';
import { pollUntil } from '../../platform/poll-until.ts';
import { ownAccount } from '../accounts/find-account.ts';
import type { CallerRequest } from '../principal.ts';
import type { AccountWithAttempt } from './connect-account.ts';
import { isUnclear } from './login/attempt-tx.ts';

/** How long a request waits for what a failed login left at the provider to be deleted there, in seconds. */
const patienceSeconds = 5;

/**
 * Deletes an account whose first login failed, with its attempts, and answers what it was. Null for an account that was
 * ever connected, on which an attempt runs, or that may have left a login at the provider: its history is needed.
 */
export async function deleteFailedLogin(
  { context, principal }: CallerRequest,
  accountId: string,
): Promise<AccountWithAttempt | null> {
  const tryOnce = (): Promise<AccountWithAttempt | 'kept' | 'compensating'> =>
    context.db.tenant(principal.tenantId, (em) => removeFailedLogin(em, accountId));
  const answer = await pollUntil(
    context.changes,
    {
      tenantId: principal.tenantId,
      topics: [changeTopics.attempts(accountId)],
      seconds: patienceSeconds,
      gone: context.stopping,
    },
    tryOnce,
    (seen) => seen !== 'compensating',
  );
  return typeof answer === 'string' ? null : answer;
}

/** The same within a transaction. `compensating`: what it left at the provider is being deleted there. */
export async function removeFailedLogin(
  em: Em,
  accountId: string,
): Promise<AccountWithAttempt | 'kept' | 'compensating'> {
  const account = await ownAccount(em, accountId, true);
  if (account.state !== 'failed' && account.state !== 'disconnected') return 'kept';
  const attempts = await em.find(ConnectionAttempt, { accountId }, { orderBy: { number: 'asc' } });
  const [first] = attempts;
  const last = attempts.at(-1);
  const loggedIn = attempts.some(({ operation, state }) => operation !== 'disconnect' && state === 'succeeded');
  if (first?.operation !== 'connect' || !last || loggedIn || last.state === 'running') return 'kept';
  if (attempts.some((one) => one.undo.length > 0 || isUnclear(one))) return 'compensating';
  if (await em.count(AccountEvent, { accountId, kind: 'suspected_orphan' })) return 'kept';
  const was = { account, ...(await attemptWithStep(em, last.id)) };
  await em.nativeDelete(Account, { id: accountId });
  return was;
}
