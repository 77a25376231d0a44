import type { ProviderCredentials } from '../../db/entities/tenants.ts';
import { settingsOf, webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import type { Keyset } from '../../platform/keyset.ts';
import type { Provider } from '../../providers/provider.ts';

/** The secrets that a webhook request to these credentials may be made with: the provider's own, else ours. */
export function secretsOf(keys: Keyset, { webhooks }: Provider, row: ProviderCredentials): string[] {
  if (!webhooks.secretSettings) return webhookSecretsOf(keys, row);
  const settings = settingsOf(keys, row);
  return webhooks.secretSettings.flatMap((name) => settings[name] ?? []);
}
