import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import { isId } from '../../platform/ids.ts';
import type { AccountRef } from '../../temporal/client.ts';
import { Problem } from '../problem.ts';

const noAccount = (): Problem => new Problem('not_found', 'There is no such account.');

/** An account of the tenant for reading: one that was merged away names its survivor. Throws 404. */
export async function anyAccount(em: Em, id: string): Promise<Account> {
  const account = isId(id) ? await em.findOne(Account, { id }) : null;
  if (!account) throw noAccount();
  return account;
}

/** An account of the tenant that was not merged away; locked when something is to be changed. Throws 404 and 409. */
export async function ownAccount(em: Em, id: string, lock = false): Promise<Account> {
  const account = isId(id) ? await (lock ? lockAccount(em, id) : em.findOne(Account, { id })) : null;
  if (!account) throw noAccount();
  if (account.mergedInto)
    throw new Problem('account_merged', `The account became part of ${account.mergedInto}.`, {
      fix: `Use the account ${account.mergedInto}.`,
    });
  return account;
}

/** An account as its workflows are found. */
export const refOf = ({ tenantId, id, channel, provider }: Account): AccountRef => ({
  tenantId,
  accountId: id,
  channel,
  provider,
});
