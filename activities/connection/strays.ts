import { tell } from '../../db/account-events.ts';
import { clockSkewMs } from '../../domain/budgets.ts';
import type { AttemptRef } from '../../domain/progress.ts';
import type { Deps } from '../deps.ts';
import { connectionTo, isUnclear, knownUpstream, loginInput, withAttempt } from './rows.ts';

/**
 * An attempt ended while it was unclear what it had made: the answer of its beginning was lost, or its login page never
 * called back. What nobody knows and is younger than its intent is named to the operator, who can import or delete it;
 * nothing is deleted here that no attempt has written down.
 */
export async function nameStrays(deps: Deps, ref: AttemptRef): Promise<void> {
  const start = await withAttempt(deps, ref, async (held) => {
    const { em, account, attempt, at } = held;
    if (attempt.state === 'running' || !isUnclear(attempt)) return null;
    const connection = await connectionTo(deps, em, account, at, null);
    return { ...connection, input: loginInput(deps, held), since: attempt.startedAt.getTime() };
  });
  if (!start) return;
  const { provider, call, input, since } = start;
  const found = await provider.login.findBegun(call, input, since - clockSkewMs, await knownUpstream(deps));
  await withAttempt(deps, ref, ({ em, account, attempt, at }) => {
    attempt.intentAt = null;
    attempt.input = null;
    if (found.length)
      tell(em, account, at, 'suspected_orphan', 'The provider has accounts that this attempt may have made.', {
        attempt: attempt.number,
        data: { provider_account_ids: found.map((one) => one.providerAccountId) },
      });
  });
}
