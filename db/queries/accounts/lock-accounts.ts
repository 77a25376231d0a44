import { ProviderFailure } from '../../../domain/failures.ts';
import type { Em } from '../../connect.ts';
import { Account } from '../../entities/accounts.ts';
import { rows, sql } from '../../sql.ts';

/** In the order of their ids. Weaker than `for update`: rows that refer to an account can be inserted meanwhile. */
export async function lockAccounts(em: Em, ids: readonly string[]): Promise<Account[]> {
  await rows(em, sql`select from accounts where id = any(${ids}::uuid[]) order by id for no key update`);
  return em.find(Account, { id: { $in: [...ids] } }, { orderBy: { id: 'asc' }, refresh: true });
}

export const lockAccount = async (em: Em, id: string): Promise<Account | null> =>
  (await lockAccounts(em, [id]))[0] ?? null;

/**
 * Locks an account for what a provider answered about its login `providerAccountId`. Null when the account has another
 * login by now, or none: then the answer is not the account's any more, and nothing of it may be stored.
 */
export async function lockAccountOfLogin(em: Em, id: string, providerAccountId: string): Promise<Account | null> {
  const account = await lockAccount(em, id);
  return account?.providerAccountId === providerAccountId ? account : null;
}

/** Whether an account still has this login, for writers that hold the lock of its contacts. */
export async function hasLogin(em: Em, id: string, providerAccountId: string): Promise<boolean> {
  const found = await rows(
    em,
    sql`select 1 from accounts where id = ${id} and provider_account_id = ${providerAccountId}`,
  );
  return found.length > 0;
}

/** The account into which an account was merged; null where it was not. */
export const survivorOf = async (em: Em, id: string): Promise<string | null> =>
  (await em.findOne(Account, { id }, { fields: ['mergedInto'] }))?.mergedInto ?? null;

/** The failure of work on an account that is not in the database any more: it is not tried again. */
export const accountRemoved = (id: string): ProviderFailure =>
  new ProviderFailure('account_removed', `The account ${id}, or its attempt, is gone.`);
