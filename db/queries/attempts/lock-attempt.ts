import type { Em } from '../../connect.ts';
import type { Account } from '../../entities/accounts.ts';
import { ConnectionAttempt, type ConnectionStep } from '../../entities/attempts.ts';
import { rows, sql } from '../../sql.ts';
import { accountRemoved, lockAccount } from '../accounts/lock-accounts.ts';
import { stepOf } from './attempt-with-step.ts';

export interface LockedAttempt {
  account: Account;
  attempt: ConnectionAttempt;
  step: ConnectionStep | null;
}

/**
 * Locks the account, then the attempt: always in this order, so that no two transactions deadlock. Throws
 * `account_removed` when one of them is gone: a backup from before it was restored.
 */
export async function lockAttempt(em: Em, accountId: string, number: number): Promise<LockedAttempt> {
  const account = await lockAccount(em, accountId);
  if (!account) throw accountRemoved(accountId);
  await rows(
    em,
    sql`select from connection_attempts where account_id = ${accountId} and number = ${number} for no key update`,
  );
  const attempt = await em.findOne(ConnectionAttempt, { accountId, number }, { refresh: true });
  if (!attempt) throw accountRemoved(accountId);
  return { account, attempt, step: await stepOf(em, attempt) };
}
