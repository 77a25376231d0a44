import { addTimelineEvent, moveAccount } from '../../db/queries/accounts/timeline.ts';
import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { eventOfStatus, nextCheckAt, type AccountEvent } from '../../domain/accounts.ts';
import type { AccountView } from '../../providers/provider.ts';

/** Whether another identity logged in than the account's: for example, another phone scanned the code. */
export const isDifferentIdentity = ({ identity }: Account, view: AccountView): boolean =>
  identity !== null && view.identity !== null && identity !== view.identity;

/**
 * Moves a connected account, locked by the caller, to the state that the provider showed when it was asked; any other
 * account stays, since its attempts decide. Says when it is checked next.
 */
export function followCheck(em: Em, account: Account, view: AccountView, at: Date): void {
  if (nextCheckAt(account, at) === null) {
    account.checkDueAt = null;
    return;
  }
  account.checkedAt = at;
  const event = isDifferentIdentity(account, view) ? lostToAnother(at) : eventOfStatus(view.status, at, view.reason);
  if (event && moveAccount(em, account, event))
    addTimelineEvent(em, account, at, 'provider_says', `The provider reports: ${view.reported}.`, {
      data: { reported: view.reported },
    });
  account.checkDueAt = nextCheckAt(account, at);
}

/** Another identity logged in at the provider: its data never becomes the account's. */
export const lostToAnother = (at: Date): AccountEvent => ({ type: 'login_lost', at, reason: 'another_identity' });
