import type { Context as ActivityContext } from '@temporalio/activity';
import { sumOf, type SweepCounts, type SweepProgress } from '../domain/syncs.ts';
import { keepTokenAlive } from '../services/accounts/keep-token-alive.ts';
import { timeOf, type Context } from '../services/context.ts';
import { leaseDueAccounts, type SweepRef } from './lease-due-accounts.ts';

const accountsAtOnce = 5;
/** When an account is due again after an error of ours, in milliseconds. */
const retryMs = 5 * 60_000;
/** Then the activity ends, and another one continues. */
const activityMs = 4 * 60_000;

/** Renews the tokens that are due, and asks the owners of those that end soon. One account's failure stops no other. */
export async function refreshDueTokens(
  context: Context,
  ref: SweepRef,
  activity: ActivityContext,
): Promise<SweepProgress> {
  const began = Date.now();
  // By the clock of this process: tokens age with it, also where it is ahead of the workflow's time.
  const due = { ...ref, dueAt: timeOf(context, ref).getTime() };
  let counts: SweepCounts = { accounts: 0, failed: 0 };
  let more: boolean;
  do {
    const chunk = await refreshChunk(context, due, activity);
    counts = sumOf(counts, chunk);
    more = chunk.more;
  } while (more && ref.isOneOfMany && Date.now() - began < activityMs);
  return { more, ...counts };
}

async function refreshChunk(context: Context, ref: SweepRef, activity: ActivityContext): Promise<SweepProgress> {
  const { cancellationSignal: signal } = activity;
  const leases = await leaseDueAccounts(context, ref, 'keys_due_at', activity);
  if (!ref.isOneOfMany && leases.isFull) {
    await leases.release();
    return { more: true, accounts: 0, failed: 0 };
  }
  const turns = leases.accounts.values();
  let failed = 0;
  const work = async (): Promise<void> => {
    for (const account of turns) {
      if (signal.aborted) return;
      try {
        if (!(await keepTokenAlive(context, account, timeOf(context, ref)))) failed += 1;
      } catch (error) {
        failed += 1;
        const of = { account: account.id, tenant: account.tenant_id };
        context.log.warn({ ...of, err: error }, 'the token of an account could not be looked after');
        await leases.again(account.id, new Date(timeOf(context, ref).getTime() + retryMs));
      }
      leases.done(account.id);
    }
  };
  await Promise.all(Array.from({ length: accountsAtOnce }, work));
  if (signal.aborted) await leases.release();
  signal.throwIfAborted();
  return { more: leases.isFull, accounts: leases.accounts.length, failed };
}
