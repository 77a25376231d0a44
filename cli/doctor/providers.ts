import { rows, type Em } from '../../db/connect.ts';
import { sealed } from '../../db/sealed.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import type { ProviderName } from '../../domain/channels.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import type { Subject } from './subject.ts';
import type { Provider, Providers } from '../../providers/provider.ts';
import { fail, pass, skip, type Check, type Finding } from './check.ts';

interface Row {
  id: string;
  provider: ProviderName;
  tenant_id: string | null;
  tenant: string | null;
  settings: string;
  webhook_token: string;
  registered_address: string | null;
}

/** Credentials that are checked; an installation may have thousands of tenants with their own. */
const most = 50;

const credentials = (em: Em): Promise<Row[]> =>
  rows<Row>(
    em,
    `select c.id, c.provider, c.tenant_id, t.name as tenant, c.settings, c.webhook_token, c.registered_address
     from provider_credentials c left join tenants t on t.id = c.tenant_id
     order by c.tenant_id nulls first, c.id limit ?`,
    [most],
  );

/** Of each provider's credentials: settings, key, and where its events go. */
export const providerChecks: Check = {
  name: 'provider',
  needs: ['database', 'encryption'],
  otherwise: 'Ask again when the provider answers.',
  look: async (subject, signal) => {
    const db = await subject.database();
    const found = await db.system(credentials);
    if (!found.length)
      return [skip('none is configured', `Set ${howToSet(subject.providers)}, or PUT /api/v1/providers/{provider}.`)];
    return Promise.all(
      found.map(async (row) => {
        const of = row.tenant === null ? row.provider : `${row.provider} of ${row.tenant}`;
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

async function examineOne(row: Row, subject: Subject, signal: AbortSignal): Promise<Finding> {
  const publicUrl = subject.config().PUBLIC_URL;
  const provider = subject.providers[row.provider];
  if (!provider) return skip('this version does not know it');
  const keys = await subject.vault().keysOf(await subject.database(), row.tenant_id);
  const settings = JSON.parse(keys.open(row.settings, sealed.credentials(row.id))) as Record<string, string>;
  const setAgain =
    row.tenant === null
      ? "Correct the installation's settings of the provider and restart api and worker."
      : `Set it again with a key of tenant ${row.tenant}: PUT /api/v1/providers/${row.provider}.`;
  const wrong = provider.checkSettings(settings);
  if (wrong) return fail(wrong, setAgain);
  try {
    await provider.account.checkCredentials({ settings, signal, now: Date.now() });
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    if (error.code === 'provider_key_rejected') return fail(`the key is refused: ${error.message}`, setAgain);
    return fail(error.message, failureRow(error.code).whatToDo);
  }
  return webhookOf(row, provider, publicUrl);
}

/** Addresses hold an unguessable part: only where they lead is shown. */
function webhookOf(
  { webhook_token: token, registered_address: registered }: Row,
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
