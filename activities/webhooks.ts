import { webhookSecretsOf } from '../db/credentials.ts';
import { ProviderCredentials } from '../db/entities/tenants.ts';
import type { Provider, ProviderCall } from '../providers/provider.ts';
import { webhookAddress } from '../domain/addresses.ts';
import type { Deps } from './deps.ts';

/** Registers our webhook upstream once per credentials, and again when `PUBLIC_URL` or the settings change. */
export async function ensureWebhooks(
  deps: Deps,
  provider: Provider,
  call: ProviderCall,
  credentialsId: string,
): Promise<void> {
  const row = await deps.db.system((em) => em.findOneOrFail(ProviderCredentials, { id: credentialsId }));
  const address = webhookAddress(deps.publicUrl, provider.name, row.webhookToken);
  if (row.registeredAddress === address) return;
  const [secret] = webhookSecretsOf(deps.vault, row);
  const registrations = await provider.account.registerWebhooks(call, address, secret ?? '');
  await deps.db.system(async (em) => {
    const fresh = await em.findOneOrFail(ProviderCredentials, { id: credentialsId });
    fresh.registeredAddress = address;
    fresh.registrations = registrations;
  });
}
