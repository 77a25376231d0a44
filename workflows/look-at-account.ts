import type { Wish } from '../domain/progress.ts';
import { closing, login } from './activities.ts';
import type { Run } from './run.ts';

/**
 * Nothing is wished for: the provider said something of the account, or an earlier attempt left something to delete
 * there. What no try mends is asked for again by the reconciler.
 */
export async function lookAtAccount(run: Run, wish: Wish): Promise<void> {
  run.view = { ...run.view, attempt: wish.attempt, state: 'closed', stepId: null, kind: null, reason: null };
  if (wish.kind !== 'none') return;
  run.deadline = Date.now() + patienceMs;
  if (wish.owes === 'cleanup')
    await run.move('Delete at the provider what an attempt left there', (options) =>
      closing.cleanUp.executeWithOptions(options, [run.ref()]),
    );
  else
    await run.move('Look how the account stands', (options) =>
      login.lookAtAccount.executeWithOptions(options, [run.ref()]),
    );
  run.view = { ...run.view, state: 'closed' };
}

const patienceMs = 10 * 60_000;
