import { rows, type Em } from '../connect.ts';

/**
 * Held by every transaction that writes contacts of an account, taken first: two entries of one person never become
 * two people, and no two writers wait for each other. The account's own row stays free for its events, but cannot go
 * before its contacts are written. Throws when it is gone.
 */
export async function lockContacts(em: Em, accountId: string): Promise<void> {
  await rows(em, 'select pg_advisory_xact_lock(hashtextextended(?, 0))::text', [`contacts/${accountId}`]);
  const [account] = await rows(em, 'select 1 from accounts where id = ? for key share', [accountId]);
  if (!account) throw new Error('The account is gone.');
}
