import { Context } from '@temporalio/activity';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import type { AttemptRef, Wish } from '../../domain/progress.ts';
import { leftOver } from './clean-up.ts';
import { timeOf, type Deps } from '../deps.ts';

/**
 * Reads what should happen to an account next: the oldest attempt still open, else what is owed. Notes on the attempt
 * which run took it: later runs of the same workflow have nothing to do with it.
 */
export const takeWish =
  (deps: Deps) =>
  (ref: AttemptRef): Promise<Wish> =>
    deps.db.tenant(ref.tenantId, async (em) => {
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
      if (open) open.runId = Context.current().info.workflowExecution?.runId ?? null;
      if (open && open.number < number) return { kind: 'superseded', attempt: open.number };
      if (open)
        return {
          kind: open.operation,
          attempt: open.number,
          expiresInMs: Math.max(open.deadlineAt.getTime() - timeOf(deps, ref).getTime(), 0),
        };
      const account = await em.findOneOrFail(Account, { id: ref.accountId });
      const left = await em.count(ConnectionAttempt, { accountId: ref.accountId, $or: leftOver });
      return { kind: 'none', attempt: number, owes: left ? 'cleanup' : account.lookWantedAt ? 'look' : 'nothing' };
    });
