import { performance } from 'node:perf_hooks';
import type { Request, RequestHandler, Router } from 'express';
import { loginBySecret } from '../db/queries/accounts/account-keys.ts';
import { webhookSecretsOf } from '../db/queries/tenants/credentials.ts';
import { ProviderCredentials } from '../db/entities/tenants.ts';
import type { ProviderName } from '../domain/channels.ts';
import type { Provider, WebhookRequest } from '../providers/provider.ts';
import type { Context } from '../services/context.ts';
import { readBody } from './http/body.ts';
import { Problem } from '../services/problem.ts';
import type { Signaller } from '../services/webhooks/signaller.ts';
import { secretsOf } from '../services/webhooks/webhook-secrets.ts';
import { storeRequest } from '../services/webhooks/store-request.ts';

/** The largest webhook body, in bytes. */
const bodyLimit = 5_000_000;

/** Takes webhooks in: 200 means that the event is committed in PostgreSQL. */
export function serveWebhooks(router: Router, context: Context, signaller: Signaller): void {
  router.post('/webhooks/:provider/:token', takeIn(context, signaller, byToken));
  for (const provider of Object.values(context.providers)) {
    if (provider.webhooks.challenge)
      router.get(`/webhooks/${provider.name}/:token`, answerChallenge(context, provider));
    for (const path of provider.webhooks.paths)
      router.post(
        path,
        takeIn(context, signaller, (given, _request, webhook) => bySecret(given, provider, webhook)),
      );
  }
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

/** Whose address it is decides; the body is read only when the address exists. */
const byToken: Finder = async (context, request, read) => {
  const { provider: name } = request.params as { provider: ProviderName };
  const provider = Object.hasOwn(context.providers, name) ? context.providers[name] : undefined;
  if (!provider) throw noAddress();
  const credentials = await credentialsAt(context, provider, request);
  const webhook = await read();
  const secrets = secretsOf(await context.vault.keysOf(context.db, credentials.tenantId), provider, credentials);
  const ours = provider.webhooks.verify(webhook, secrets);
  const sender = ours ? null : await senderOf(context, provider, credentials, webhook);
  if (!ours && sender === null) throw wrongSecret();
  return { provider, credentials, webhook, sender };
};

/** The credentials whose webhook address a request came to. Throws 404. */
async function credentialsAt(context: Context, provider: Provider, request: Request): Promise<ProviderCredentials> {
  const { token } = request.params as { token: string };
  const found = await context.db.system((em) =>
    em.findOne(ProviderCredentials, { provider: provider.name, webhookToken: token }),
  );
  if (!found) throw noAddress();
  return found;
}

const noAddress = (): Problem => new Problem('not_found', 'There is no such webhook address.');

/** Proves to a provider that asks, before it sends events, that the address is ours. */
const answerChallenge =
  (context: Context, provider: Provider): RequestHandler =>
  async (request, response) => {
    response.locals['route'] = 'GET /webhooks';
    const credentials = await credentialsAt(context, provider, request);
    const keys = await context.vault.keysOf(context.db, credentials.tenantId);
    const answer = provider.webhooks.challenge?.(request.query, webhookSecretsOf(keys, credentials));
    if (!answer) throw wrongSecret();
    response.type('text/plain').send(answer);
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
async function bySecret(context: Context, provider: Provider, read: () => Promise<WebhookRequest>) {
  const webhook = await read();
  const matching = await context.db.system(async (em) => {
    const found: ProviderCredentials[] = [];
    for (const row of await em.find(ProviderCredentials, { provider: provider.name })) {
      const secrets = secretsOf(await context.vault.keysOf(em, row.tenantId), provider, row);
      if (provider.webhooks.verify(webhook, secrets)) found.push(row);
    }
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
