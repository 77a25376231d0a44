import { performance } from 'node:perf_hooks';
import type { Request, RequestHandler, Router } from 'express';
import { senderBySecret, type WebhookAddress } from '../db/queries/webhooks/secrets.ts';
import type { ProviderName } from '../domain/channels.ts';
import type { Context } from '../services/context.ts';
import { Problem } from '../services/problem.ts';
import { receiveRequest } from '../services/webhooks/receive.ts';
import type { Signaller } from '../services/webhooks/signaller.ts';
import { readBody } from './http/body.ts';

/** The largest webhook body, in bytes. */
const bodyLimit = 5_000_000;

/** Paths outside our own at which a provider's webhooks are documented; the secret alone tells whose they are. */
const documentedPaths: [path: string, provider: ProviderName][] = [
  ['/api/v1/webhooks/unipile', 'unipile'],
  ['/api/unipile/webhook', 'unipile'],
];

/** Takes webhooks in: 200 means that the event is committed in PostgreSQL. */
export function serveWebhooks(router: Router, context: Context, signaller: Signaller): void {
  router.post(
    '/webhooks/:provider/:token',
    takeIn(context, signaller, ({ params }) => ({
      provider: String(params['provider']),
      token: String(params['token']),
    })),
  );
  for (const [path, provider] of documentedPaths)
    router.post(
      path,
      takeIn(context, signaller, () => ({ provider, token: null })),
    );
}

const takeIn =
  (context: Context, signaller: Signaller, addressOf: (request: Request) => WebhookAddress): RequestHandler =>
  async (request, response) => {
    const started = performance.now();
    response.locals['route'] = 'POST /webhooks';
    const { db, vault, providers, metrics, log } = context;
    const address = addressOf(request);
    const provider = Object.hasOwn(providers, address.provider)
      ? providers[address.provider as ProviderName]
      : undefined;
    if (!provider) throw unknownAddress();
    const { headers } = request;
    const secret = provider.webhooks.shownSecret({ headers });
    const sender = await db.system((em) => senderBySecret(em, vault, address, secret));
    if (sender === 'unknown_address') throw unknownAddress();
    const raw = await readBody(request, response, bodyLimit);
    if (!sender) throw wrongSecret();
    const stored = await receiveRequest(context, provider, sender, { raw, headers });
    response.json({ received: stored.length });
    for (const event of stored) {
      metrics.webhookEvents.inc({ provider: provider.name, type: event.label, state: event.state });
      if (event.account) signaller.signal(event.account, event);
    }
    const states = stored.map(({ state }) => state);
    log.debug({ provider: provider.name, states, ms: performance.now() - started }, 'webhook taken in');
  };

const unknownAddress = (): Problem => new Problem('not_found', 'There is no such webhook address.');

const wrongSecret = (): Problem =>
  new Problem('unauthorized', 'The webhook does not carry the right secret.', {
    fix: 'Send the secret that was registered with the webhook, in its header.',
  });
