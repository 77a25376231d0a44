import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/**
 * The lock that every transaction that writes contacts of an account takes first: two entries of one person never become
 * two contacts, and two writers never wait for each other. A disconnection and a completed login take it too, before the
 * account's lock. It keeps the account's row from being deleted; changes of the row and new events do not wait for it.
 * Throws when the account does not exist any more.
 */
export async function lockContacts(em: Em, accountId: string): Promise<void> {
  await rows(em, sql`select pg_advisory_xact_lock(hashtextextended(${`contacts/${accountId}`}, 0))::text`);
  const [account] = await rows(em, sql`select 1 from accounts where id = ${accountId} for key share`);
  if (!account) throw new Error('The account is gone.');
}
