import { LockMode } from '@mikro-orm/core';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt, ConnectionStep } from '../../db/entities/attempts.ts';
import { isId } from '../../platform/ids.ts';
import type { AccountRef } from '../../platform/temporal.ts';
import { Problem } from '../http/problem.ts';
import type { Standing } from '../views/attempt.ts';

const noAccount = (): Problem => new Problem('not_found', 'There is no such account.');

/** An account of the tenant for reading: one that was merged away names its survivor. */
export async function anyAccount(em: Em, id: string): Promise<Account> {
  const account = isId(id) ? await em.findOne(Account, { id }) : null;
  if (!account) throw noAccount();
  return account;
}

/** An account of the tenant that still stands for itself; locked when something is to be changed. */
export async function ownAccount(em: Em, id: string, lock = false): Promise<Account> {
  const account = isId(id)
    ? await em.findOne(Account, { id }, lock ? { lockMode: LockMode.PESSIMISTIC_WRITE } : {})
    : null;
  if (!account) throw noAccount();
  if (account.mergedInto)
    throw new Problem('account_merged', `The account became part of ${account.mergedInto}.`, {
      fix: `Use the account ${account.mergedInto}.`,
    });
  return account;
}

/** The newest attempt of an account with its current step; null before the first. */
export async function standingOf(em: Em, accountId: string): Promise<Standing | null> {
  const attempt = await em.findOne(ConnectionAttempt, { accountId }, { orderBy: { number: 'desc' } });
  return attempt && withStep(em, attempt);
}

export async function standingOfAttempt(em: Em, attemptId: string): Promise<Standing> {
  return withStep(em, await em.findOneOrFail(ConnectionAttempt, { id: attemptId }));
}

async function withStep(em: Em, attempt: ConnectionAttempt): Promise<Standing> {
  const step = attempt.currentStepId ? await em.findOne(ConnectionStep, { id: attempt.currentStepId }) : null;
  return { attempt, step };
}

export const refOf = ({ tenantId, id, channel, provider }: Account): AccountRef => ({
  tenantId,
  accountId: id,
  channel,
  provider,
});
