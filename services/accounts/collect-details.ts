import { LockMode } from '@mikro-orm/core';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { dueForCheck } from '../../db/queries/accounts/due-for-check.ts';
import { lockAccountOfLogin } from '../../db/queries/accounts/lock-accounts.ts';
import { SyncRun } from '../../db/entities/events.ts';
import { noteFailedTry } from '../../db/queries/syncs/note-failed-try.ts';
import { eventOfStatus, transition, type AccountStatus, type DetailChange } from '../../domain/accounts.ts';
import { failureRow, ProviderFailure, type FailureCode } from '../../domain/failures.ts';
import type { SyncProgress } from '../../domain/syncs.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import { timeOf, type Context } from '../context.ts';
import { isDifferentIdentity, lostToAnother } from './follow-check.ts';
import { askDetails, keepDetails } from './refresh-details.ts';
import { withFreshKeys } from './refresh-keys.ts';
import { changesOf } from './save-details.ts';

/** An account whose details are collected; `now` is the workflow's time, in milliseconds. */
export interface DetailsRef {
  tenantId: string;
  accountId: string;
  now: number;
}

/**
 * Collects an account's details for its running sync run. Answers `more` where another trigger came meanwhile, so that the
 * workflow runs once more. That is read in the transaction that closes the run, so no trigger is lost.
 */
export async function collectDetails(context: Context, ref: DetailsRef): Promise<SyncProgress> {
  const at = timeOf(context, ref);
  const connection = await context.db.tenant(ref.tenantId, async (em) => {
    const run = await em.findOne(SyncRun, running(ref));
    if (!run) return null;
    run.again = false;
    const account = await em.findOneOrFail(Account, { id: ref.accountId });
    return account.providerAccountId ? connectionTo(context, em, account, at, account.providerAccountId) : 'unlinked';
  });
  if (!connection) return noRun;
  if (connection === 'unlinked') return finish(context, ref, at, 'failed', 'not_connected');

  const { provider } = connection;
  try {
    const call = await withFreshKeys(context, ref, provider, connection.call);
    const asked = await askDetails(provider, call);
    return await context.db.tenant(ref.tenantId, async (em) => {
      const account = await lockAccountOfLogin(em, ref.accountId, call.providerAccountId ?? '');
      const run = await lockRun(em, ref);
      // A disconnection has ended the run; another login is asked by the same run anew.
      if (!run) return noRun;
      if (!account) return goesOn;
      const kept = await keepDetails(context, em, account, asked, at);
      return typeof kept === 'string'
        ? end(context, run, at, 'failed', kept, {})
        : end(context, run, at, 'succeeded', null, { points_changed: kept.length });
    });
  } catch (error) {
    if (error instanceof ProviderFailure && error.effect === 'none' && !isRetried(error))
      return finish(context, ref, at, 'failed', error.code);
    if (error instanceof ProviderFailure) await noteFailure(context, ref, error);
    throw error;
  }
}

const running = ({ accountId }: DetailsRef) =>
  ({ accountId, kind: 'details', state: 'running', dryRun: false }) as const;
const lockRun = (em: Em, ref: DetailsRef): Promise<SyncRun | null> =>
  em.findOne(SyncRun, running(ref), { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });

/** The run shows the reason while it goes on trying. */
const noteFailure = (context: Context, ref: DetailsRef, { code }: ProviderFailure): Promise<void> =>
  context.db.tenant(ref.tenantId, (em) =>
    noteFailedTry(em, { kind: 'details', accountId: ref.accountId, scope: '' }, code),
  );

const isRetried = ({ code }: ProviderFailure): boolean => ['retry', 'wait'].includes(failureRow(code).action);

/** Ends a run that failed for good. Answers as `collectDetails` does. */
export function giveUpDetails(context: Context, ref: DetailsRef & { reason: FailureCode }): Promise<SyncProgress> {
  return finish(context, ref, timeOf(context, ref), ref.reason === 'cancelled' ? 'cancelled' : 'failed', ref.reason);
}

const finish = (
  context: Context,
  ref: DetailsRef,
  at: Date,
  state: 'succeeded' | 'failed' | 'cancelled',
  reason: FailureCode | null,
): Promise<SyncProgress> =>
  context.db.tenant(ref.tenantId, async (em) => {
    if (reason && failureRow(reason).action === 'reconnect') await dueForCheck(em, ref.accountId, at);
    const run = await lockRun(em, ref);
    return run ? end(context, run, at, state, reason, {}) : noRun;
  });

const noRun: SyncProgress = { more: false, state: 'none', reason: null, counts: {} };
const goesOn: SyncProgress = { more: true, state: 'running', reason: null, counts: {} };

/** Ends a locked run, unless another trigger came meanwhile: then it goes once more. */
function end(
  context: Context,
  run: SyncRun,
  at: Date,
  state: 'succeeded' | 'failed' | 'cancelled',
  reason: FailureCode | null,
  stats: Record<string, number>,
): SyncProgress {
  if (run.again) {
    run.reason = null;
    return goesOn;
  }
  Object.assign(run, { state, reason, stats, endedAt: at });
  context.metrics.syncs.inc({ kind: 'details', outcome: reason ?? state });
  return { more: false, state, reason, counts: stats };
}

/** What a collection would do, without storing anything. */
export interface DetailsPreview {
  changes: DetailChange[];
  /** How the account would move; null where its state stays. */
  moves: { from: AccountStatus; to: AccountStatus } | null;
  /** Why the collection would fail; null where it would not. */
  reason: FailureCode | null;
}

/** What a collection would change, and where it would move the account; stores nothing. */
export async function previewDetails(context: Context, ref: DetailsRef): Promise<DetailsPreview> {
  const at = timeOf(context, ref);
  const { account, connection } = await context.db.tenant(ref.tenantId, async (em) => {
    const found = await em.findOneOrFail(Account, { id: ref.accountId });
    return { account: found, connection: await connectionTo(context, em, found, at, found.providerAccountId) };
  });
  const { view, details } = await askDetails(connection.provider, connection.call);
  const isDifferent = isDifferentIdentity(account, view);
  const { state, reason, who, since } = account;
  const before: AccountStatus = { state, reason, who, since };
  const event = isDifferent ? lostToAnother(at) : eventOfStatus(view.status, at, view.reason);
  const after = event ? transition(before, event) : before;
  return {
    changes: details && !isDifferent ? changesOf(account, details) : [],
    moves: after === before ? null : { from: before, to: after },
    reason: isDifferent ? 'another_identity' : details ? null : 'account_gone',
  };
}
