import { LockMode } from '@mikro-orm/core';
import { moveAccount, tell } from '../../db/account-events.ts';
import type { AccountEvent } from '../../domain/account-state.ts';
import type { AttemptRef, Progress } from '../../domain/progress.ts';
import type { AccountView } from '../../providers/provider.ts';
import { saveDetails } from '../save-details.ts';
import type { Deps } from '../deps.ts';
import { connectionTo, isStranger, looked, withAttempt } from './rows.ts';
import { progressOf } from './steps.ts';

/**
 * An account at rest, of which the provider said something: asks how it stands and moves it accordingly. An event
 * alone moves nothing, since webhooks without signatures can be forged. What a restart can mend is restarted.
 */
export const lookAtAccount =
  (deps: Deps) =>
  async (ref: AttemptRef): Promise<Progress> => {
    const start = await withAttempt(deps, ref, async ({ em, account, at, ...held }) => {
      const resting = account.mergedInto !== null || !account.providerAccountId || !account.lookWantedAt;
      if (resting) {
        account.lookWantedAt = null;
        return { over: progressOf({ em, account, at, ...held }), wanted: null, connection: null };
      }
      const connection = await connectionTo(deps, em, account, at, account.providerAccountId);
      return { over: null, wanted: account.lookWantedAt, connection };
    });
    if (start.over) return start.over;
    const { provider, call } = start.connection;

    let view = await provider.login.look(call);
    if (view.status === 'halted' && (await provider.login.restore(call))) view = await provider.login.look(call);
    const details = view.status === 'linked' ? await provider.account.details(call, view) : null;
    return withAttempt(deps, ref, async (held) => {
      const { em, at } = held;
      const account = await em.refreshOrFail(held.account, { lockMode: LockMode.PESSIMISTIC_WRITE });
      // A wish that came meanwhile owns the account's state.
      if (account.providerAccountId !== call.providerAccountId) return progressOf(held);
      looked(account, start.wanted);
      account.lookedAt = at;
      const stranger = isStranger(account, view);
      const event = stranger ? lostTo(at) : happening(view, at);
      if (event && moveAccount(em, account, event))
        tell(em, account, at, 'provider_says', `The provider reports: ${view.reported}.`, {
          data: { reported: view.reported },
        });
      if (details && !stranger) saveDetails(deps, em, account, view, details, at);
      return progressOf(held);
    });
  };

/** Nothing of another person becomes the account's. */
const lostTo = (at: Date): AccountEvent => ({ type: 'login_lost', at, reason: 'another_identity' });

/** What a view means for an account that is not being connected. */
function happening(view: AccountView, at: Date): AccountEvent | null {
  switch (view.status) {
    case 'linked':
      return { type: 'linked', at };
    case 'interrupted':
    case 'halted':
      return { type: 'interrupted', at, reason: 'provider_unavailable' };
    case 'login_lost':
      return { type: 'login_lost', at, reason: 'login_lost' };
    case 'gone':
      return { type: 'login_lost', at, reason: 'account_gone' };
    case 'pending':
      return null;
  }
}
