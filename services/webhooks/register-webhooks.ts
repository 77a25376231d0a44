import { unregisteredCredentials } from '../../db/queries/webhooks/registrations.ts';
import { settingsOf, webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import type { Em } from '../../db/connect.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { CredentialsCall, Provider, ProviderCall } from '../../providers/provider.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import type { Context } from '../context.ts';
import { reachOfCredentials } from '../provider-reach.ts';

/** Has the provider make our webhook anew, whatever it shows of the present one. Answers the registrations' ids. */
export async function renewWebhooks(
  context: Context,
  provider: Provider,
  call: ProviderCall,
  credentials: ProviderCredentials,
): Promise<string[]> {
  const { registerWebhooks, subscribe } = provider.account;
  if (!registerWebhooks)
    throw new ProviderFailure('unsupported', 'An operator registers the webhook at this provider.');
  const address = webhookAddress(context.publicUrl, provider.name, credentials.webhookToken);
  const [secret] = webhookSecretsOf(await context.vault.keysOf(context.db, credentials.tenantId), credentials);
  const registrations = await registerWebhooks(call, address, secret ?? '', true);
  await subscribe?.(call);
  await context.db.system((em) => saveRegistrations(em, credentials.id, address, registrations));
  return registrations;
}

async function saveRegistrations(em: Em, id: string, address: string, registrations: string[]): Promise<void> {
  const fresh = await em.findOneOrFail(ProviderCredentials, { id });
  fresh.registeredAddress = address;
  fresh.registrations = registrations;
}

/** Registers our webhook upstream once per credentials, and again when `PUBLIC_URL` or the settings change. */
export async function ensureWebhooks(
  context: Context,
  provider: Provider,
  call: CredentialsCall,
  credentialsId: string,
): Promise<void> {
  const row = await context.db.system((em) => em.findOneOrFail(ProviderCredentials, { id: credentialsId }));
  const address = webhookAddress(context.publicUrl, provider.name, row.webhookToken);
  if (row.registeredAddress === address) return;
  if (!provider.account.registerWebhooks) return;
  const [secret] = webhookSecretsOf(await context.vault.keysOf(context.db, row.tenantId), row);
  const registrations = await provider.account.registerWebhooks(call, address, secret ?? '');
  await context.db.system((em) => saveRegistrations(em, credentialsId, address, registrations));
}

/**
 * Registers again what was registered before and no longer stands as it should: `PUBLIC_URL`, the settings or the
 * secret have changed. One provider's failure is not the next one's. Answers how many it registered.
 */
export async function registerOwed(context: Context): Promise<number> {
  let registered = 0;
  const base = webhookAddress(context.publicUrl, '', '').slice(0, -1);
  const owed = await context.db.system((em) => unregisteredCredentials(em, base));
  for (const id of owed) {
    const row = await context.db.system((em) => em.findOneOrFail(ProviderCredentials, { id }));
    const provider = context.providers[row.provider];
    if (!provider) continue;
    const settings = settingsOf(await context.vault.keysOf(context.db, row.tenantId), row);
    const reach = reachOfCredentials(context.config, row);
    const now = context.clock.now().getTime();
    try {
      await ensureWebhooks(context, provider, { settings, reach, now }, id);
      registered += 1;
    } catch (error) {
      context.log.warn({ provider: row.provider, tenant: row.tenantId, err: error }, 'webhooks are not registered yet');
    }
  }
  return registered;
}
