import type { Account } from '../../db/entities/accounts.ts';

/** In which address book people of an account's conversations are looked up: the account's own, else another one. */
export const bookFor = (accountId: string, books: readonly Account[]): Account | undefined =>
  books.find(({ id }) => id === accountId) ?? books[0];
