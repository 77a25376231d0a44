import { openDatabase } from '../db/connect.ts';
import { ProviderCredentials } from '../db/entities/tenants.ts';
import { webhookSecretsOf } from '../db/queries/tenants/credentials.ts';
import { createVault } from '../db/vault.ts';
import { parseKeyRing } from '../platform/master-keys.ts';
import type { BenchStack } from './stack.ts';

/** Where the installation's UniPile sends its webhooks, and the secret it carries. */
export interface Target {
  address: string;
  secret: string;
  /** Of the credentials whose accounts `addCrowd` adds. */
  credentialsId: string;
}

export async function targetOf({ settings, describe }: BenchStack): Promise<Target> {
  const db = await openDatabase(settings['DATABASE_URL'] ?? '', { pool: { app: 1, system: 1 } });
  try {
    const vault = createVault(parseKeyRing(settings['ENCRYPTION_KEY'] ?? ''));
    const keys = await vault.keysOf(db, null);
    const row = await db.system((em) => em.findOneOrFail(ProviderCredentials, { provider: 'unipile', tenantId: null }));
    return {
      address: `${describe().api_url}/webhooks/unipile/${row.webhookToken}`,
      secret: webhookSecretsOf(keys, row)[0] ?? '',
      credentialsId: row.id,
    };
  } finally {
    await db.close();
  }
}
