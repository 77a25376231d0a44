import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { openLedger } from '../erasures/ledger-key.ts';

export async function saveSecretHashes(
  em: Em,
  vault: Vault,
  credentials: { id: string; tenantId: string | null },
  secrets: readonly string[],
): Promise<void> {
  const ledger = await openLedger(em, vault);
  const hashes = secrets.map((secret) => ledger.secretHash(secret));
  await rows(
    em,
    sql`with deleted as (
        delete from webhook_secret_hashes where credentials_id = ${credentials.id} and hash <> all(${hashes}::text[]))
      insert into webhook_secret_hashes (credentials_id, hash, tenant_id)
      select ${credentials.id}::uuid, h, ${credentials.tenantId}::uuid from unnest(${hashes}::text[]) h
      on conflict do nothing`,
  );
}
