import { ConnectionAttempt } from '../../../db/entities/attempts.ts';
import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import { groupsAlone } from '../../../db/queries/accounts/provider-groups.ts';
import { awaitIntake } from '../../../db/queries/webhooks/intake-fence.ts';
import { deleteAccountWebhooks } from '../../../db/queries/webhooks/requests.ts';
import { type FailureCode, ProviderFailure } from '../../../domain/failures.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { Context } from '../../context.ts';
import { compensateAttempt } from './compensate.ts';
import { completeLogin } from './complete-login.ts';
import { connectionTo, withAttempt, withAttemptAndContacts } from './attempt-tx.ts';
import { endAttempt, releaseLogin } from './end-attempt.ts';
import { endingReason, placeLastStep, progressOf } from './steps.ts';

/** An attempt with the reason for which it ends. */
export interface CloseRef extends AttemptRef {
  reason: FailureCode;
}

/** Reasons for which a login that succeeded meanwhile is deleted all the same. */
const final: ReadonlySet<FailureCode> = new Set([
  'cancelled',
  'superseded',
  'account_in_use',
  'another_owner',
  'another_identity',
]);

/**
 * Ends an attempt for a reason and deletes at the provider what it made there. A login that succeeded at the last moment
 * counts: the provider is checked first, and an account that works is connected instead.
 */
export async function closeAttempt(context: Context, ref: CloseRef): Promise<Progress> {
  const late = final.has(ref.reason) ? null : await completeLateLogin(context, ref);
  if (late) return late;
  const closed = await withAttemptAndContacts(context, ref, async (tx) => {
    if (tx.attempt.state === 'running') await endAttempt(context, tx, ref.reason);
    return progressOf(tx);
  });
  await purgeLateWebhooks(context, ref);
  // What cannot be deleted now stays in the attempt's undo list, and the reconciler has it tried again.
  await compensateAttempt(context, ref).catch((error: unknown) =>
    context.log.warn(
      { account: ref.accountId, err: error },
      'deleting at the provider failed; the reconciler will have it tried again',
    ),
  );
  return closed;
}

/** Null where nothing succeeded, or the provider cannot say so: the attempt must end whatever it answers. */
async function completeLateLogin(context: Context, ref: CloseRef): Promise<Progress | null> {
  try {
    const start = await withAttempt(context, ref, async ({ em, account, attempt, at }) =>
      attempt.state === 'running' && attempt.operation !== 'disconnect' && attempt.providerAccountId
        ? {
            ...(await connectionTo(context, em, account, at, attempt.providerAccountId)),
            wanted: account.checkRequestedAt,
          }
        : null,
    );
    if (!start) return null;
    const view = await start.provider.login.check(start.call);
    if (view.status !== 'linked') return null;
    const progress = await completeLogin(context, ref, start.provider, start.call, view, start.wanted);
    return progress.state === 'closed' ? progress : null;
  } catch (error) {
    if (error instanceof ProviderFailure && error.code !== 'account_removed') return null;
    throw error;
  }
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
  if (start.over) {
    await purgeLateWebhooks(context, ref);
    return start.over;
  }
  const revoked = start.connection?.call.providerAccountId ?? null;
  if (start.connection) {
    const alone = await context.db.system((em) => groupsAlone(em, ref.accountId));
    await start.connection.provider.login.revoke(start.connection.call, alone);
  }
  const ended = await withAttemptAndContacts(context, ref, async (tx) => {
    const { em, account, attempt, at } = tx;
    if (attempt.state !== 'running') return progressOf(tx);
    // Another account's login may have been merged into this one meanwhile: compensation ends that login, too.
    const { providerAccountId: newer } = account;
    if (newer && newer !== revoked) attempt.undo = [...new Set([...attempt.undo, newer])];
    await releaseLogin(context, tx, attempt.purge);
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
  await purgeLateWebhooks(context, ref);
  return ended;
}

/**
 * After a purge: webhooks that were being stored meanwhile had found the account with its login, and the purge did not see
 * them. Those that come later find no account.
 */
async function purgeLateWebhooks({ db }: Context, { tenantId, accountId, attempt: number }: AttemptRef): Promise<void> {
  const purged = await db.tenant(tenantId, (em) =>
    em.count(ConnectionAttempt, { accountId, number, purge: true, state: { $nin: ['running', 'cancelled'] } }),
  );
  if (!purged) return;
  // A transaction of its own, so that the fence is left at once.
  await db.system((em) => awaitIntake(em, tenantId));
  await db.tenant(tenantId, (em) => deleteAccountWebhooks(em, accountId));
}
