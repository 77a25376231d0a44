import { addTimelineEvent, moveAccount } from '../../../db/queries/accounts/timeline.ts';
import { forgetAccountKeys } from '../../../db/queries/accounts/account-keys.ts';
import { type FailureCode, failureRow, ProviderFailure } from '../../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { Context } from '../../context.ts';
import { compensateAttempt } from './compensate.ts';
import { completeLogin } from './complete-login.ts';
import { type AttemptTx, connectionTo, isUnclear, withAttempt, withAttemptAndContacts } from './attempt-tx.ts';
import { endingReason, placeLastStep, progressOf } from './steps.ts';
import { purgeAccount } from '../../../db/queries/accounts/purge-account.ts';
import { cancelSyncs } from '../../../db/queries/syncs/cancel-syncs.ts';

/** An attempt with the reason for which it ends. */
export interface CloseRef extends AttemptRef {
  reason: FailureCode;
}

/** Reasons for which a login that succeeded meanwhile is deleted all the same. */
const final: ReadonlySet<FailureCode> = new Set(['cancelled', 'superseded', 'account_in_use', 'another_identity']);

/**
 * Ends an attempt for a reason and deletes at the provider what it made there. A login that succeeded at the last moment
 * counts: the provider is checked first, and an account that works is connected instead.
 */
export async function closeAttempt(context: Context, ref: CloseRef): Promise<Progress> {
  const late = final.has(ref.reason) ? null : await completeLateLogin(context, ref);
  if (late) return late;
  const closed = await withAttempt(context, ref, async (tx) => {
    if (tx.attempt.state === 'running') await endAs(context, tx, ref.reason);
    return progressOf(tx);
  });
  // What cannot be deleted now stays in the attempt's undo list, and the reconciler has it tried again.
  await compensateAttempt(context, ref).catch((error: unknown) =>
    context.log.warn(
      { account: ref.accountId, err: error },
      'deleting at the provider failed; the reconciler will have it tried again',
    ),
  );
  return closed;
}

async function completeLateLogin(context: Context, ref: CloseRef): Promise<Progress | null> {
  const start = await withAttempt(context, ref, async ({ em, account, attempt, at }) =>
    attempt.state === 'running' && attempt.operation !== 'disconnect' && attempt.providerAccountId
      ? {
          ...(await connectionTo(context, em, account, at, attempt.providerAccountId)),
          wanted: account.checkRequestedAt,
        }
      : null,
  );
  if (!start) return null;
  try {
    const view = await start.provider.login.check(start.call);
    if (view.status !== 'linked') return null;
    const progress = await completeLogin(context, ref, start.provider, start.call, view, start.wanted);
    return progress.state === 'closed' ? progress : null;
  } catch (error) {
    if (error instanceof ProviderFailure) return null;
    throw error;
  }
}

async function endAs(context: Context, tx: AttemptTx, reason: FailureCode): Promise<void> {
  const { em, account, attempt, at } = tx;
  const cancelled = reason === 'cancelled' || reason === 'superseded';
  const { who, whatToDo } = failureRow(reason);
  attempt.state = cancelled ? 'cancelled' : 'failed';
  attempt.endedAt = at;
  attempt.reason = reason;
  attempt.detail = whatToDo;
  attempt.who = who;
  // Compensation needs the input to find what an unclear attempt made.
  if (!isUnclear(attempt)) attempt.input = null;
  attempt.callbackToken = null;
  if (attempt.operation === 'disconnect' && account.providerAccountId)
    attempt.undo = [...new Set([...attempt.undo, account.providerAccountId])];
  await placeLastStep(tx, 'failed', null);
  addTimelineEvent(em, account, at, 'attempt_ended', `The ${attempt.operation} ended: ${reason}. ${whatToDo}`, {
    attempt: attempt.number,
    data: { reason, who },
  });
  context.metrics.attempts.inc({ operation: attempt.operation, outcome: reason });
  if (attempt.operation === 'disconnect') moveAccount(em, account, { type: 'disconnected', at }, attempt.number);
  // The attempt that supersedes this one decides the account's state.
  else if (reason !== 'superseded') {
    const resume = attempt.operation === 'connect' ? 'failed' : 'reconnect_required';
    moveAccount(
      em,
      account,
      { type: 'login_failed', at, reason, who: resume === 'failed' ? who : 'owner', resume },
      attempt.number,
    );
  }
  if (!account.providerAccountId || !attempt.undo.includes(account.providerAccountId)) return;
  account.providerAccountId = null;
  forgetAccountKeys(account);
}

/** Disconnects: ends the login at the provider, destroys our secrets, and purges the account's data where requested. */
export async function endLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (tx) => {
    const { em, account, attempt, at } = tx;
    const ending = await endingReason(tx);
    if (attempt.state !== 'running' || ending) return { over: progressOf(tx, ending), connection: null };
    account.secret = null;
    const connection = account.providerAccountId
      ? await connectionTo(context, em, account, at, account.providerAccountId)
      : null;
    return { over: null, connection };
  });
  if (start.over) return start.over;
  if (start.connection) await start.connection.provider.login.revoke(start.connection.call);
  return withAttemptAndContacts(context, ref, async (tx) => {
    const { em, account, attempt, at } = tx;
    if (attempt.state !== 'running') return progressOf(tx);
    account.providerAccountId = null;
    forgetAccountKeys(account);
    account.checkRequestedAt = null;
    account.contactsDueAt = null;
    account.contactsAgainAt = null;
    account.picturesDueAt = null;
    await cancelSyncs(em, context.vault, { accountId: account.id }, at);
    if (attempt.purge) await purgeAccount(em, account, attempt.id);
    moveAccount(em, account, { type: 'disconnected', at }, attempt.number);
    attempt.state = 'succeeded';
    attempt.endedAt = at;
    await placeLastStep(tx, 'done', null);
    const kept = attempt.purge ? 'its data was purged' : 'its history is kept';
    addTimelineEvent(em, account, at, 'attempt_ended', `The account was disconnected; ${kept}.`, {
      attempt: attempt.number,
    });
    context.metrics.attempts.inc({ operation: 'disconnect', outcome: 'succeeded' });
    return progressOf(tx);
  });
}
