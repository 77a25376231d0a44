import type { Em } from '../../connect.ts';
import { Account } from '../../entities/accounts.ts';
import { rows, sql } from '../../sql.ts';

/**
 * Locks accounts for the transaction, in the order of their ids, and answers their rows as they are now. Weaker than
 * `for update`: rows that refer to an account (events, contacts, syncs) can be inserted meanwhile.
 */
export async function lockAccounts(em: Em, ids: readonly string[]): Promise<Account[]> {
  await rows(em, sql`select from accounts where id = any(${ids}::uuid[]) order by id for no key update`);
  return em.find(Account, { id: { $in: [...ids] } }, { orderBy: { id: 'asc' }, refresh: true });
}

/** Locks one account; null when there is none. */
export const lockAccount = async (em: Em, id: string): Promise<Account | null> =>
  (await lockAccounts(em, [id]))[0] ?? null;
