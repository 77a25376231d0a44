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
