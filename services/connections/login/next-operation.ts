import { Account } from '../../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../../db/entities/attempts.ts';
import type { AttemptRef, NextOperation } from '../../../domain/attempts.ts';
import { needsCompensation } from './compensate.ts';
import { timeOf, type Context } from '../../context.ts';

/**
 * Reads what should happen to an account next: the oldest attempt still open, else what is owed. Writes on the attempt
 * the id of the workflow run that took it, since a later run may be the workflow's newest.
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
    const account = await em.findOneOrFail(Account, { id: ref.accountId });
    const left = await em.count(ConnectionAttempt, { accountId: ref.accountId, $or: needsCompensation });
    return {
      kind: 'none',
      attempt: number,
      owes: left ? 'compensation' : account.checkRequestedAt ? 'check' : 'nothing',
    };
  });
}
