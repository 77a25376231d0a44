import { forgetAccountKeys } from '../../../db/queries/accounts/account-keys.ts';
import { purgeAccount } from '../../../db/queries/accounts/purge-account.ts';
import { addTimelineEvent, moveAccount } from '../../../db/queries/accounts/timeline.ts';
import { endQueuedSends } from '../../../db/queries/sends/settle-send.ts';
import { cancelSyncs } from '../../../db/queries/syncs/cancel-syncs.ts';
import { type FailureCode, failureRow } from '../../../domain/failures.ts';
import type { Context } from '../../context.ts';
import { type AttemptTx, isUnclear } from './attempt-tx.ts';
import { placeLastStep } from './steps.ts';

/**
 * Ends a running attempt without success, for a reason. What it made at the provider stays in its undo list, for
 * compensation. A disconnection that ends so has still ended the login here: only its end at the provider is missing.
 * The caller has locked the account's contacts.
 */
export async function endAttempt(context: Context, tx: AttemptTx, reason: FailureCode): Promise<void> {
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
  const superseded = reason === 'superseded';
  if (attempt.operation === 'disconnect' && !superseded) await releaseLogin(context, tx, attempt.purge && !cancelled);
  addTimelineEvent(em, account, at, 'attempt_ended', `The ${attempt.operation} ended: ${reason}. ${whatToDo}`, {
    attempt: attempt.number,
    data: { reason, who },
  });
  // The attempt that supersedes this one decides the account's state.
  if (attempt.operation !== 'disconnect' && !superseded) {
    const resume = attempt.operation === 'connect' ? 'failed' : 'reconnect_required';
    const mustAct = resume === 'failed' || who === 'operator' ? who : 'owner';
    moveAccount(em, account, { type: 'login_failed', at, reason, who: mustAct, resume }, attempt.number);
  }
  context.metrics.attempts.inc({ operation: attempt.operation, outcome: reason });
  if (!account.providerAccountId || !attempt.undo.includes(account.providerAccountId)) return;
  account.providerAccountId = null;
  forgetAccountKeys(account);
}

/**
 * What a disconnection does here, whatever the provider answered: the account has no login, no secret and no running sync
 * any more; with `purge` nothing that was learned of it.
 */
export async function releaseLogin(context: Context, tx: AttemptTx, purge: boolean): Promise<void> {
  const { em, account, attempt, at } = tx;
  account.secret = null;
  account.providerAccountId = null;
  forgetAccountKeys(account);
  account.checkRequestedAt = null;
  account.reportedSince = false;
  account.toldLostAt = null;
  account.contactsDueAt = null;
  account.contactsAgainAt = null;
  account.historyAgainAt = null;
  account.historyDueAt = null;
  account.picturesDueAt = null;
  await cancelSyncs(em, context.vault, { accountId: account.id }, at);
  await endQueuedSends(em, account.id, 'not_connected', at);
  if (purge) await purgeAccount(em, account, attempt.id);
  moveAccount(em, account, { type: 'disconnected', at }, attempt.number);
}
