import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import { isId } from '../../platform/ids.ts';
import type { AccountRef } from '../../temporal/client.ts';
import { Problem } from '../problem.ts';

const noAccount = (): Problem => new Problem('not_found', 'There is no such account.');

/** An account of the tenant, for reading; a merged one names its survivor. 404 when there is none. */
export async function anyAccount(em: Em, id: string): Promise<Account> {
  const account = isId(id) ? await em.findOne(Account, { id }) : null;
  if (!account) throw noAccount();
  return account;
}

/** An account of the tenant, for changing. 404 when there is none, 409 when it was merged; `lock` locks its row. */
export async function ownAccount(em: Em, id: string, lock = false): Promise<Account> {
  const account = isId(id) ? await (lock ? lockAccount(em, id) : em.findOne(Account, { id })) : null;
  if (!account) throw noAccount();
  if (account.mergedInto)
    throw new Problem('account_merged', `The account was merged into ${account.mergedInto}.`, {
      fix: `Use the account ${account.mergedInto}.`,
    });
  return account;
}

/** The account as its workflows are started and found. */
export const refOf = ({ tenantId, id, channel, provider }: Account): AccountRef => ({
  tenantId,
  accountId: id,
  channel,
  provider,
});
