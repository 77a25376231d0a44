import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { accountRemoved } from '../accounts/lock-accounts.ts';

/**
 * Every writer of an account's contacts takes this lock first: two entries of one person never become two contacts.
 * Disconnections and completed logins take it before the account's lock. Throws when the account is gone.
 */
export async function lockContacts(em: Em, accountId: string): Promise<void> {
  await rows(em, sql`select pg_advisory_xact_lock(hashtextextended(${`contacts/${accountId}`}, 0))::text`);
  const [account] = await rows(em, sql`select 1 from accounts where id = ${accountId} for key share`);
  if (!account) throw accountRemoved(accountId);
}
