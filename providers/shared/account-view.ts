import type { AccountView } from '../contract/account.ts';

export const notFound: AccountView = {
  status: 'not_found',
  reported: 'not found',
  identity: null,
  createdAt: null,
  raw: null,
};
