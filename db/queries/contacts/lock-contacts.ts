import { rows, type Em } from '../../connect.ts';

/**
 * AttemptTx by every transaction that writes contacts of an account, taken first: two entries of one person never become
 * two people, and no two writers wait for each other. The account's row cannot go before its contacts are written; its
 * events are stored meanwhile, what holds the row for a change of its own waits. Throws when the account is gone.
 */
export async function lockContacts(em: Em, accountId: string): Promise<void> {
  await rows(em, 'select pg_advisory_xact_lock(hashtextextended(?, 0))::text', [`contacts/${accountId}`]);
  const [account] = await rows(em, 'select 1 from accounts where id = ? for key share', [accountId]);
  if (!account) throw new Error('The account is gone.');
}
