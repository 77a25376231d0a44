import type { AccountView } from '../contract/account.ts';

/** The view of an account that the provider does not know. */
export const notFound: AccountView = {
  status: 'not_found',
  reported: 'not found',
  identity: null,
  createdAt: null,
  raw: null,
};
