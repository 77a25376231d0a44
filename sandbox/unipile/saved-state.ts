import { createPendingEvents } from '../world/pending-events.ts';
import type { State } from './state.ts';
import type { Account } from './types.ts';

type SavedAccount = Omit<Account, 'login' | 'pendingEvents'>;

/** A state as plain data: without logins under way, accounts that these would make, and login pages. */
export type SavedState = Pick<State, 'webhooks' | 'phones' | 'startedAt' | 'nextSeq'> & { accounts: SavedAccount[] };

export function saveState({ list, webhooks, phones, startedAt, nextSeq }: State): SavedState {
  const accounts = list
    .filter(({ login }) => login?.kind !== 'create')
    .map(({ login: _login, pendingEvents: _events, ...account }) => account);
  return { accounts, webhooks, phones, startedAt, nextSeq };
}

export function restoreState(state: State, { accounts, ...saved }: SavedState): void {
  Object.assign(state, saved);
  for (const one of accounts) {
    const account: Account = { ...one, login: null, pendingEvents: createPendingEvents() };
    for (const message of account.store.stored) message.lagging = false;
    state.accounts.set(account.id, account);
    state.byTag.set(account.tag, account);
    state.list.push(account);
  }
}
