import { addTimelineEvent, moveAccount } from '../../../db/queries/accounts/timeline.ts';
import { eventOfStatus, type AccountEvent } from '../../../domain/accounts.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import { saveDetails } from '../../accounts/save-details.ts';
import type { Context } from '../../context.ts';
import { connectionTo, isDifferentIdentity, checkDone, withAttempt } from './attempt-tx.ts';
import { progressOf } from './steps.ts';

/**
 * An account at rest, of which the provider said something: asks how it stands and moves it accordingly. An event
 * alone moves nothing, since webhooks without signatures can be forged. What a restart can mend is restarted.
 */
export async function checkAccount(context: Context, ref: AttemptRef): Promise<Progress> {
  const start = await withAttempt(context, ref, async ({ em, account, at, ...held }) => {
    const resting = account.mergedInto !== null || !account.providerAccountId || !account.checkRequestedAt;
    if (resting) {
      account.checkRequestedAt = null;
      return { over: progressOf({ em, account, at, ...held }), wanted: null, connection: null };
    }
    const connection = await connectionTo(context, em, account, at, account.providerAccountId);
    return { over: null, wanted: account.checkRequestedAt, connection };
  });
  if (start.over) return start.over;
  const { provider, call } = start.connection;

  let view = await provider.login.check(call);
  if (view.status === 'needs_restart' && (await provider.login.restore(call))) view = await provider.login.check(call);
  const details = view.status === 'linked' ? await provider.account.details(call, view) : null;
  return withAttempt(context, ref, (held) => {
    const { em, account, at } = held;
    // A wish that came meanwhile owns the account's state.
    if (account.providerAccountId !== call.providerAccountId) return progressOf(held);
    checkDone(account, start.wanted);
    account.checkedAt = at;
    const stranger = isDifferentIdentity(account, view);
    const event = stranger ? lostTo(at) : eventOfStatus(view.status, at);
    if (event && moveAccount(em, account, event))
      addTimelineEvent(em, account, at, 'provider_says', `The provider reports: ${view.reported}.`, {
        data: { reported: view.reported },
      });
    if (details && !stranger) saveDetails(context, em, account, view, details, at);
    return progressOf(held);
  });
}

/** Nothing of another person becomes the account's. */
const lostTo = (at: Date): AccountEvent => ({ type: 'login_lost', at, reason: 'another_identity' });
