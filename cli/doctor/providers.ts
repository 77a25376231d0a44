import type { Em } from '../../db/connect.ts';
import { ProviderCredentials, Tenant } from '../../db/entities/tenants.ts';
import { settingsOf } from '../../db/queries/tenants/credentials.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import { reachOfCredentials } from '../../services/provider-reach.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { errorMessage } from '../error-message.ts';
import type { Subject } from './subject.ts';
import type { Provider, Providers } from '../../providers/provider.ts';
import { fail, pass, skip, type Check, type Finding } from './check.ts';

interface Row {
  credentials: ProviderCredentials;
  /** The tenant's name; null for the installation's credentials. */
  tenant: string | null;
}

/** Credentials that are checked; an installation may have thousands of tenants with their own. */
const most = 50;

/** The installation's first. */
async function firstRows(em: Em): Promise<Row[]> {
  const found = await em.find(
    ProviderCredentials,
    {},
    { orderBy: { tenantId: 'asc nulls first', id: 'asc' }, limit: most },
  );
  const tenants = await em.find(Tenant, { id: found.flatMap(({ tenantId }) => tenantId ?? []) });
  const names = new Map(tenants.map(({ id, name }) => [id, name]));
  return found.map((credentials) => ({ credentials, tenant: names.get(credentials.tenantId ?? '') ?? null }));
}

/** Of each provider's credentials: settings, key, and where its events go. */
export const providerChecks: Check = {
  name: 'provider',
  needs: ['database', 'encryption'],
  otherwise: 'Ask again when the provider answers.',
  look: async (subject, signal) => {
    const db = await subject.database();
    const found = await db.system(firstRows);
    if (!found.length)
      return [skip('none is configured', `Set ${howToSet(subject.providers)}, or PUT /api/v1/providers/{provider}.`)];
    return Promise.all(
      found.map(async (row) => {
        const { provider } = row.credentials;
        const of = row.tenant === null ? provider : `${provider} of ${row.tenant}`;
        const finding = await examineOne(row, subject, signal);
        return { ...finding, of };
      }),
    );
  },
};

/** The environment variables that configure each provider. */
const howToSet = (providers: Providers): string =>
  Object.values(providers)
    .map(({ settings }) =>
      Object.values(settings)
        .flatMap(({ env, required }) => (required ? [env] : []))
        .join(' and '),
    )
    .join(', or ');

async function examineOne({ credentials, tenant }: Row, subject: Subject, signal: AbortSignal): Promise<Finding> {
  const config = subject.config();
  const reach = reachOfCredentials(config, credentials);
  const provider = subject.providers[credentials.provider];
  if (!provider) return skip('this version does not know it');
  const keys = await subject.vault().keysOf(await subject.database(), credentials.tenantId);
  const settings = settingsOf(keys, credentials);
  const setAgain =
    tenant === null
      ? "Correct the installation's settings of the provider and restart api and worker."
      : `Set it again with a key of tenant ${tenant}: PUT /api/v1/providers/${credentials.provider}.`;
  const wrong = provider.checkSettings(settings);
  if (wrong) return fail(wrong, setAgain);
  try {
    await provider.account.checkCredentials({ settings, reach, signal, now: Date.now() });
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    if (error.code === 'provider_key_rejected') return fail(`the key is refused: ${error.message}`, setAgain);
    return fail(errorMessage(error), failureRow(error.code).whatToDo);
  }
  const notices = provider.notices?.(settings, Date.now()) ?? [];
  return withNotices(webhookOf(credentials, provider, config.PUBLIC_URL), notices);
}

/** What works now, and will not for long. */
const withNotices = (finding: Finding, notices: readonly string[]): Finding =>
  notices.length ? { ...finding, toDo: [...(finding.toDo ? [finding.toDo] : []), ...notices].join(' ') } : finding;

/** Addresses hold an unguessable part: only where they lead is shown. */
function webhookOf(
  { webhookToken: token, registeredAddress: registered }: ProviderCredentials,
  { name, title, account }: Provider,
  publicUrl: string,
): Finding {
  if (!account.registerWebhooks) return pass(`the key works; its webhook is registered at ${title} by hand`);
  const wanted = webhookAddress(publicUrl, name, token);
  if (registered === null)
    return skip(
      'the key works; no webhook is registered yet',
      'The first connection registers it; now: patchbay webhooks register',
    );
  if (registered !== wanted)
    return fail(
      `the key works; its webhook goes to ${originOf(registered)}, PUBLIC_URL is ${publicUrl}`,
      'Set PUBLIC_URL to where the provider reaches the API, then: patchbay webhooks register',
    );
  return pass(`the key works; its webhook goes to ${originOf(registered)}`);
}

const originOf = (address: string): string => (URL.canParse(address) ? new URL(address).origin : 'no address');
