import { LockMode } from '@mikro-orm/core';
import { Account } from '../../db/entities/accounts.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import { SyncRun } from '../../db/entities/events.ts';
import { noteFailedTry } from '../../db/queries/syncs/note-failed-try.ts';
import { failureRow, ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import { timeOf, type Context } from '../context.ts';
import { withFreshKeys } from './refresh-keys.ts';
import { changesOf, saveDetails } from './save-details.ts';

/** An account whose details are collected; `now` is the workflow's time, in milliseconds. */
export interface DetailsRef {
  tenantId: string;
  accountId: string;
  now: number;
}

/**
 * Collects an account's details for its running sync run. Answers whether another trigger came meanwhile, so that the
 * workflow runs once more. That is read in the transaction that closes the run, so no trigger is lost.
 */
export async function collectDetails(context: Context, ref: DetailsRef): Promise<boolean> {
  const at = timeOf(context, ref);
  const connection = await context.db.tenant(ref.tenantId, async (em) => {
    const run = await em.findOne(SyncRun, {
      accountId: ref.accountId,
      kind: 'details',
      state: 'running',
      dryRun: false,
    });
    if (!run) return null;
    run.again = false;
    const account = await em.findOneOrFail(Account, { id: ref.accountId });
    return account.providerAccountId ? connectionTo(context, em, account, at, account.providerAccountId) : 'unlinked';
  });
  if (!connection) return false;
  if (connection === 'unlinked') return finish(context, ref, at, 'failed', 'not_connected');

  const { provider } = connection;
  try {
    const call = await withFreshKeys(context, ref, provider, connection.call);
    const view = await provider.login.check(call);
    if (view.status === 'not_found') return await finish(context, ref, at, 'failed', 'account_gone');
    const details = await provider.account.details(call, view);
    const changed = await context.db.tenant(ref.tenantId, async (em) => {
      const account = await lockAccount(em, ref.accountId);
      if (!account) return 0;
      return (await saveDetails(context.vault, em, account, view, details, at)).length;
    });
    return await finish(context, ref, at, 'succeeded', null, { points_changed: changed });
  } catch (error) {
    if (error instanceof ProviderFailure && error.effect === 'none' && !isRetried(error))
      return finish(context, ref, at, 'failed', error.code);
    if (error instanceof ProviderFailure) await noteFailure(context, ref, error);
    throw error;
  }
}

/** The run shows the reason while it goes on trying. */
const noteFailure = (context: Context, ref: DetailsRef, { code }: ProviderFailure): Promise<void> =>
  context.db.tenant(ref.tenantId, (em) =>
    noteFailedTry(em, { kind: 'details', accountId: ref.accountId, scope: '' }, code),
  );

const isRetried = ({ code }: ProviderFailure): boolean => ['retry', 'wait'].includes(failureRow(code).action);

/** Ends a run that failed for good. Answers as `collectDetails` does. */
export function giveUpDetails(context: Context, ref: DetailsRef & { reason: FailureCode }): Promise<boolean> {
  return finish(context, ref, timeOf(context, ref), 'failed', ref.reason);
}

async function finish(
  context: Context,
  ref: DetailsRef,
  at: Date,
  state: 'succeeded' | 'failed',
  reason: FailureCode | null,
  stats: Record<string, unknown> = {},
): Promise<boolean> {
  return context.db.tenant(ref.tenantId, async (em) => {
    const run = await em.findOne(
      SyncRun,
      { accountId: ref.accountId, kind: 'details', state: 'running', dryRun: false },
      { lockMode: LockMode.PESSIMISTIC_WRITE },
    );
    if (!run) return false;
    if (run.again) {
      run.reason = null;
      return true;
    }
    Object.assign(run, { state, reason, stats, endedAt: at });
    context.metrics.syncs.inc({ kind: 'details', outcome: reason ?? state });
    return false;
  });
}

/** What a collection would change, without storing anything. */
export async function previewDetails(
  context: Context,
  ref: DetailsRef,
): Promise<{ path: string; before: unknown; after: unknown }[]> {
  const at = timeOf(context, ref);
  const { account, connection } = await context.db.tenant(ref.tenantId, async (em) => {
    const found = await em.findOneOrFail(Account, { id: ref.accountId });
    return { account: found, connection: await connectionTo(context, em, found, at, found.providerAccountId) };
  });
  const view = await connection.provider.login.check(connection.call);
  return changesOf(account, await connection.provider.account.details(connection.call, view));
}
