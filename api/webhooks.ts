import { performance } from 'node:perf_hooks';
import type { Request, RequestHandler, Router } from 'express';
import type { Em } from '../db/connect.ts';
import { loginBySecret } from '../db/queries/accounts/account-keys.ts';
import { webhookSecretsOf } from '../db/queries/tenants/credentials.ts';
import { ProviderCredentials } from '../db/entities/tenants.ts';
import type { ProviderName } from '../domain/channels.ts';
import type { Provider, WebhookRequest } from '../providers/provider.ts';
import type { Context } from '../services/context.ts';
import { readBody } from './http/body.ts';
import { Problem } from '../services/problem.ts';
import type { Signaller } from '../services/webhooks/signaller.ts';
import { storeRequest } from '../services/webhooks/store-request.ts';

/** The largest webhook body, in bytes. */
const bodyLimit = 5_000_000;

/** Paths outside our own at which a provider's webhooks are documented; the secret alone tells whose they are. */
const documentedPaths: [path: string, provider: ProviderName][] = [
  ['/api/v1/webhooks/unipile', 'unipile'],
  ['/api/unipile/webhook', 'unipile'],
];

/** Takes webhooks in: 200 means that the event is committed in PostgreSQL. */
export function serveWebhooks(router: Router, context: Context, signaller: Signaller): void {
  router.post('/webhooks/:provider/:token', takeIn(context, signaller, byToken));
  for (const [path, name] of documentedPaths)
    router.post(
      path,
      takeIn(context, signaller, (given, _request, webhook) => bySecret(given, name, webhook)),
    );
}

type Finder = (
  context: Context,
  request: Request,
  webhook: () => Promise<WebhookRequest>,
) => Promise<{
  provider: Provider;
  credentials: ProviderCredentials;
  webhook: WebhookRequest;
  /** Whose secret it came with, where every account has one of its own. */
  sender: string | null;
}>;

const takeIn =
  (context: Context, signaller: Signaller, find: Finder): RequestHandler =>
  async (request, response) => {
    const started = performance.now();
    response.locals['route'] = 'POST /webhooks';
    const read = async () => ({ raw: await readBody(request, response, bodyLimit), headers: request.headers });
    const { provider, credentials, webhook, sender } = await find(context, request, read);
    const stored = await storeRequest(context, provider, credentials, webhook, sender);
    response.json({ received: stored.length });
    for (const { id, label, state, tell } of stored) {
      context.metrics.webhookEvents.inc({ provider: provider.name, type: label, state });
      if (tell) signaller.tell(tell, id);
    }
    const states = stored.map(({ state }) => state);
    context.log.debug({ provider: provider.name, states, ms: performance.now() - started }, 'webhook taken in');
  };

const secretsOf = async ({ vault }: Context, em: Em, row: ProviderCredentials): Promise<string[]> =>
  webhookSecretsOf(await vault.keysOf(em, row.tenantId), row);

async function credentialsAt(context: Context, em: Em, provider: ProviderName, webhookToken: string) {
  const credentials = await em.findOne(ProviderCredentials, { provider, webhookToken });
  return credentials && { credentials, secrets: await secretsOf(context, em, credentials) };
}

/** Whose address it is decides; the body is read only when the address exists. */
const byToken: Finder = async (context, request, read) => {
  const { provider: name, token } = request.params as { provider: ProviderName; token: string };
  const provider = Object.hasOwn(context.providers, name) ? context.providers[name] : undefined;
  const found = provider ? await context.db.system((em) => credentialsAt(context, em, name, token)) : null;
  if (!provider || !found) throw new Problem('not_found', 'There is no such webhook address.');
  const { credentials, secrets } = found;
  const webhook = await read();
  const ours = provider.webhooks.verify(webhook, secrets);
  const sender = ours ? null : await senderOf(context, provider, credentials, webhook);
  if (!ours && sender === null) throw wrongSecret();
  return { provider, credentials, webhook, sender };
};

/** The upstream login that the request's secret belongs to, among those of these credentials. */
async function senderOf(
  { db }: Context,
  provider: Provider,
  credentials: ProviderCredentials,
  webhook: WebhookRequest,
): Promise<string | null> {
  const secret = provider.webhooks.shownSecret?.(webhook);
  return secret ? db.system((em) => loginBySecret(em, credentials.id, secret)) : null;
}

/** Every credentials row is compared, found or not, so that the time tells nothing. */
async function bySecret(context: Context, name: ProviderName, read: () => Promise<WebhookRequest>) {
  const provider = context.providers[name];
  if (!provider) throw new Problem('not_found', 'There is no such webhook address.');
  const webhook = await read();
  const matching = await context.db.system(async (em) => {
    const found: ProviderCredentials[] = [];
    for (const row of await em.find(ProviderCredentials, { provider: name }))
      if (provider.webhooks.verify(webhook, await secretsOf(context, em, row))) found.push(row);
    return found;
  });
  const [credentials] = matching;
  if (!credentials) throw wrongSecret();
  return { provider, credentials, webhook, sender: null };
}

const wrongSecret = (): Problem =>
  new Problem('unauthorized', 'The webhook does not carry the right secret.', {
    fix: 'Send the secret that was registered with the webhook, in its header.',
  });
