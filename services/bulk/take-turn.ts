import { Account } from '../../db/entities/accounts.ts';
import type { Em } from '../../db/connect.ts';
import { lockWaiting, noteOutcome, type ItemOutcome } from '../../db/queries/bulk/items.ts';
import { holdRunning } from '../../db/queries/bulk/operations.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { ask, type Asked } from './ask.ts';
import { decideAll, type BulkWork } from './decide.ts';

/** An operation over accounts. */
export type BulkRun = BulkWork & { id: string };

/**
 * The turn of an account: whether it is asked is decided anew, and what is asked is committed together with the decision.
 * False where the operation does not run any more, or another process had the turn.
 */
export async function takeTurn(context: Context, run: BulkRun, accountId: string): Promise<boolean> {
  const asked = await turn(context, run, accountId, (em) => decideAndAsk(context, em, run, accountId)).catch(
    (error: unknown) => {
      if (!(error instanceof Problem)) throw error;
      // What the request had written was rolled back.
      const outcome: ItemOutcome = { state: 'failed', reason: error.code };
      return turn(context, run, accountId, () => Promise.resolve({ outcome }));
    },
  );
  await asked?.start?.();
  if (asked) context.metrics.bulkItems.inc({ operation: run.kind, outcome: asked.outcome.state });
  return asked !== null;
}

function turn(
  { db, clock }: Context,
  { id, tenantId }: BulkRun,
  accountId: string,
  work: (em: Em) => Promise<Asked>,
): Promise<Asked | null> {
  return db.tenant(tenantId, async (em) => {
    if (!(await holdRunning(em, id)) || !(await lockWaiting(em, id, accountId))) return null;
    const asked = await work(em);
    await em.flush();
    await noteOutcome(em, id, accountId, asked.outcome, clock.now());
    return asked;
  });
}

async function decideAndAsk(context: Context, em: Em, run: BulkRun, accountId: string): Promise<Asked> {
  const [group] = await decideAll(context, em, run, accountId);
  if (group?.decision === 'ask') return ask(context, em, run, accountId);
  const reason = group?.decision ?? ((await em.count(Account, { id: accountId })) ? 'no_match' : 'account_removed');
  return { outcome: { state: 'skipped', reason } };
}
