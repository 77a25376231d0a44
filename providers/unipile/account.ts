import type { CredentialsCall, ListedAccount } from '../provider.ts';
import { readAccount } from './account-object.ts';
import { viewOf } from './account-view.ts';
import { everyItem, request } from './client.ts';
import { channelOf } from './ids.ts';

/** GET /accounts for one account, whatever it is. */
export async function checkCredentials(call: CredentialsCall): Promise<void> {
  await request(call, 'GET', '/accounts', undefined, { limit: '1' });
}

export async function listAccounts(call: CredentialsCall): Promise<ListedAccount[]> {
  const found: ListedAccount[] = [];
  for await (const item of everyItem(call, '/accounts')) {
    const { id, type, name } = readAccount(item);
    if (id) found.push({ providerAccountId: id, channel: channelOf(type), name, view: viewOf(item) });
  }
  return found;
}
