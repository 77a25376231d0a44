import { setTimeout as pause } from 'node:timers/promises';
import { beginRegistering, endRegistering, unregisteredCredentials } from '../../db/queries/webhooks/registrations.ts';
import { settingsOf, webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import type { Em } from '../../db/connect.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { CredentialsCall, Provider, ProviderCall } from '../../providers/provider.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import type { Context } from '../context.ts';
import { reachOfCredentials } from '../provider-reach.ts';

/**
 * Has the provider make our webhook anew, whatever it shows of the present one; with `anew` false only what lacks. Answers the
 * registrations' ids.
 */
export async function renewWebhooks(
  context: Context,
  provider: Provider,
  call: ProviderCall,
  credentials: ProviderCredentials,
  anew = true,
): Promise<string[]> {
  const { registerWebhooks, subscribe } = provider.account;
  if (!registerWebhooks)
    throw new ProviderFailure('unsupported', 'An operator registers the webhook at this provider.');
  const address = webhookAddress(context.publicUrl, provider.name, credentials.webhookToken);
  const [secret] = webhookSecretsOf(await context.vault.keysOf(context.db, credentials.tenantId), credentials);
  const registrations = await registerWebhooks(call, address, secret ?? '', anew);
  await subscribe?.(call);
  await context.db.system((em) => saveRegistrations(em, credentials.id, address, registrations));
  return registrations;
}

async function saveRegistrations(em: Em, id: string, address: string, registrations: string[]): Promise<void> {
  const fresh = await em.findOneOrFail(ProviderCredentials, { id });
  fresh.registeredAddress = address;
  fresh.registrations = registrations;
}

/** How often a process looks whether another one has registered the webhooks, in milliseconds. */
const lookMs = 250;

/**
 * Registers our webhook upstream once per credentials, and again when `PUBLIC_URL` or the settings change. Waits where another
 * process does: both would find none, and make it twice.
 */
export async function ensureWebhooks(
  context: Context,
  provider: Provider,
  call: CredentialsCall,
  id: string,
): Promise<void> {
  const { registerWebhooks } = provider.account;
  if (!registerWebhooks) return;
  const unregistered = async (): Promise<{ row: ProviderCredentials; address: string } | null> => {
    const row = await context.db.system((em) => em.findOneOrFail(ProviderCredentials, { id }));
    const address = webhookAddress(context.publicUrl, provider.name, row.webhookToken);
    return row.registeredAddress === address ? null : { row, address };
  };
  while (await unregistered()) {
    if (!(await context.db.system((em) => beginRegistering(em, id)))) {
      await pause(lookMs);
      continue;
    }
    try {
      const owed = await unregistered();
      if (!owed) return;
      const [secret] = webhookSecretsOf(await context.vault.keysOf(context.db, owed.row.tenantId), owed.row);
      const registrations = await registerWebhooks(call, owed.address, secret ?? '');
      await context.db.system((em) => saveRegistrations(em, id, owed.address, registrations));
    } finally {
      await context.db.system((em) => endRegistering(em, id));
    }
  }
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
