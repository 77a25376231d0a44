import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import type { ItemOutcome } from '../../db/queries/bulk/items.ts';
import { openWholeRun } from '../../db/queries/syncs/open-runs.ts';
import { syncOf } from '../../domain/bulk.ts';
import { newId } from '../../platform/ids.ts';
import { ownAccount, refOf } from '../accounts/find-account.ts';
import { addReconnect } from '../connections/connect-account.ts';
import { removeFailedLogin } from '../connections/delete-failed-login.ts';
import { addDisconnection } from '../connections/disconnect-account.ts';
import type { Context } from '../context.ts';
import { signalConnection, startSync } from '../signal.ts';
import type { BulkWork } from './decide.ts';

/** What was written for an account, and what has it done. */
export interface Asked {
  outcome: ItemOutcome;
  /** After the commit; what Temporal does not take, the reconciler starts. */
  start?: () => Promise<unknown>;
}

/**
 * Writes the request of one account into the transaction that also counts the account as asked: both are there, or neither
 * is. Throws `Problem` where the account refuses it.
 */
export async function ask(context: Context, em: Em, { kind, options }: BulkWork, accountId: string): Promise<Asked> {
  const now = context.clock.now();
  if (kind === 'label') {
    const account = await ownAccount(em, accountId, true);
    account.label = options.label ?? null;
    account.updatedAt = now;
    return { outcome: { state: 'done' } };
  }
  const sync = syncOf(kind);
  if (sync) {
    const account = await ownAccount(em, accountId);
    const run = await openWholeRun(em, sync, accountId, now);
    return {
      outcome: { state: 'asked', requestId: run.id },
      start: () => startSync(context, refOf(account), { kind: sync, scope: run.scope }, 'bulk'),
    };
  }
  if (kind === 'purge') {
    const removed = await removeFailedLogin(em, accountId);
    // Nothing to disconnect: a first login that failed.
    if (typeof removed === 'object') return { outcome: { state: 'done' } };
    if (removed === 'compensating') return { outcome: { state: 'failed', reason: 'operation_running' } };
  }
  if (kind === 'reconnect') {
    const automatic = !options.with_owner;
    return begun(context, await addReconnect(context, em, accountId, newId(), { automatic }));
  }
  return begun(context, await addDisconnection(context, em, accountId, newId(), kind === 'purge'));
}

const begun = (context: Context, { account, attemptId }: { account: Account; attemptId: string }): Asked => ({
  outcome: { state: 'asked', requestId: attemptId },
  start: () => signalConnection(context, refOf(account), 'bulk'),
});
