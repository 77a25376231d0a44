import type { Account } from './types.ts';

/** The account is OK again: what happened meanwhile is shown and told now. */
export function catchUp(account: Account): void {
  for (const job of account.missed.splice(0)) {
    try {
      job();
    } catch {
      // It was about a message or chat that is gone since, with another address book.
    }
  }
}
