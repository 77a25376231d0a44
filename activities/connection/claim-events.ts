import { rows, type Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';

/** Events that came before their account was known become the account's, in the transaction that learns the id. */
export async function claimEvents(em: Em, account: Account, at: Date): Promise<number> {
  const claimed = await rows<{ id: string }>(
    em,
    `update webhook_events set account_id = ?, tenant_id = ?, state = 'processed', processed_at = ?
     where credentials_id = ? and provider_account_id = ? and state = 'unmatched' returning id`,
    [account.id, account.tenantId, at, account.credentialsId, account.providerAccountId],
  );
  return claimed.length;
}
