import { LockMode } from '@mikro-orm/core';
import { addTimelineEvent, moveAccount } from '../../../db/queries/accounts/timeline.ts';
import type { AccountEvent } from '../../../domain/account-state.ts';
import type { AttemptRef, Progress } from '../../../domain/attempts.ts';
import type { AccountView } from '../../../providers/provider.ts';
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
  return withAttempt(context, ref, async (held) => {
    const { em, at } = held;
    const account = await em.refreshOrFail(held.account, { lockMode: LockMode.PESSIMISTIC_WRITE });
    // A wish that came meanwhile owns the account's state.
    if (account.providerAccountId !== call.providerAccountId) return progressOf(held);
    checkDone(account, start.wanted);
    account.checkedAt = at;
    const stranger = isDifferentIdentity(account, view);
    const event = stranger ? lostTo(at) : eventOf(view, at);
    if (event && moveAccount(em, account, event))
      addTimelineEvent(em, account, at, 'provider_says', `The provider reports: ${view.reported}.`, {
        data: { reported: view.reported },
      });
    if (details && !stranger) saveDetails(held.keys, em, account, view, details, at);
    return progressOf(held);
  });
}

/** Nothing of another person becomes the account's. */
const lostTo = (at: Date): AccountEvent => ({ type: 'login_lost', at, reason: 'another_identity' });

/** What a view means for an account that is not being connected. */
function eventOf(view: AccountView, at: Date): AccountEvent | null {
  switch (view.status) {
    case 'linked':
      return { type: 'linked', at };
    case 'degraded':
    case 'needs_restart':
      return { type: 'degraded', at, reason: 'provider_unavailable' };
    case 'login_lost':
      return { type: 'login_lost', at, reason: 'login_lost' };
    case 'not_found':
      return { type: 'login_lost', at, reason: 'account_gone' };
    case 'pending':
      return null;
  }
}
