import { Account } from '../../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../../db/entities/attempts.ts';
import { ProviderCredentials } from '../../../db/entities/tenants.ts';
import type { AttemptRef, NextOperation } from '../../../domain/attempts.ts';
import { needsCompensation } from './compensate.ts';
import { timeOf, type Context } from '../../context.ts';

/**
 * The next operation of an account: its oldest open attempt, else a check or compensation that is due. Stores the id of
 * the workflow run on the attempt, for links to its history: the workflow's newest run may be a later one.
 */
export function nextOperation(context: Context, ref: AttemptRef, runId: string | null): Promise<NextOperation> {
  return context.db.tenant(ref.tenantId, async (em) => {
    const newest = await em.findOne(
      ConnectionAttempt,
      { accountId: ref.accountId },
      { orderBy: { number: 'desc' }, fields: ['number'] },
    );
    const open = await em.findOne(
      ConnectionAttempt,
      { accountId: ref.accountId, state: 'running' },
      { orderBy: { number: 'asc' } },
    );
    const number = newest?.number ?? 0;
    if (open) open.runId = runId;
    if (open && open.number < number) return { kind: 'superseded', attempt: open.number };
    if (open)
      return {
        kind: open.operation,
        attempt: open.number,
        expiresInMs: Math.max(open.deadlineAt.getTime() - timeOf(context, ref).getTime(), 0),
      };
    const account = await em.findOne(Account, { id: ref.accountId });
    if (!account) return { kind: 'removed', attempt: 0 };
    const isRefused = await em.count(ProviderCredentials, { id: account.credentialsId, refusedAt: { $ne: null } });
    // What the provider would refuse waits until the key is accepted again.
    if (isRefused) return { kind: 'none', attempt: number, owes: 'nothing' };
    const left = await em.count(ConnectionAttempt, { accountId: ref.accountId, $or: needsCompensation });
    return {
      kind: 'none',
      attempt: number,
      owes: left ? 'compensation' : account.checkRequestedAt ? 'check' : 'nothing',
    };
  });
}
