import { rows, type Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { erasedNote, resettleSubjects } from '../../db/queries/webhooks/webhook-subjects.ts';
import { sealed } from '../../db/sealed.ts';
import { subjectsIn } from '../../domain/erasure.ts';
import type { Vault } from '../../db/vault.ts';

/**
 * Events that came before their account was known become the account's, in the transaction that learns the id: whom
 * they speak of is now the tenant's to erase, or was erased already.
 */
export async function claimEvents(em: Em, vault: Vault, account: Account, at: Date): Promise<number> {
  const claimed = await rows<{ id: string; body: string | null }>(
    em,
    `update webhook_events set account_id = ?, tenant_id = ?, state = 'processed', processed_at = ?
     where credentials_id = ? and provider_account_id = ? and state = 'unmatched'
     returning id, case when exists (select from webhook_subjects s where s.event_id = id) then body end as body`,
    [account.id, account.tenantId, at, account.credentialsId, account.providerAccountId],
  );
  const keys = await vault.keysOf(em, account.tenantId);
  for (const { id, body } of claimed) {
    if (body === null) continue;
    const subjects = subjectsIn(keys.open(body, sealed.webhookBody(id)));
    if (await resettleSubjects(em, vault, { id, tenantId: account.tenantId }, subjects))
      await rows(em, 'update webhook_events set body = null, error = ? where id = ?', [erasedNote, id]);
  }
  return claimed.length;
}
