import { addTimelineEvent, moveAccount } from '../../../db/queries/accounts/timeline.ts';
import { forgetAccountKeys } from '../../../db/queries/accounts/account-keys.ts';
import { purgeAccount } from '../../../db/queries/accounts/purge-account.ts';
import { cancelSyncs } from '../../../db/queries/syncs/cancel-syncs.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { Context } from '../../context.ts';
import { connectionTo, withAttempt } from './attempt-tx.ts';
import { endingReason, placeLastStep, progressOf } from './steps.ts';

/** A disconnection: revoked at the provider, our secrets destroyed, and the account's data purged where asked. */
export async function endLogin(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async (held) => {
    const { em, account, attempt, at } = held;
    const ending = await endingReason(held);
    if (attempt.state !== 'running' || ending) return { over: progressOf(held, ending), connection: null };
    account.secret = null;
    const connection = account.providerAccountId
      ? await connectionTo(context, em, account, at, account.providerAccountId)
      : null;
    return { over: null, connection };
  });
  if (start.over) return start.over;
  if (start.connection) await start.connection.provider.login.revoke(start.connection.call);
  return withAttempt(context, ref, async (held) => {
    const { em, account, attempt, at } = held;
    if (attempt.state !== 'running') return progressOf(held);
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
    await placeLastStep(held, 'done', null);
    const kept = attempt.purge ? 'its data was purged' : 'its history is kept';
    addTimelineEvent(em, account, at, 'attempt_ended', `The account was disconnected; ${kept}.`, {
      attempt: attempt.number,
    });
    context.metrics.attempts.inc({ operation: 'disconnect', outcome: 'succeeded' });
    return progressOf(held);
  });
}
