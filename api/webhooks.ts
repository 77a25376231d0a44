import { performance } from 'node:perf_hooks';
import type { Request, RequestHandler, Router } from 'express';
import type { Provider } from '../providers/provider.ts';
import type { Context } from '../services/context.ts';
import {
  answerToChallenge,
  createSenderFinder,
  unknownAddress,
  type FindSender,
  type SenderOf,
} from '../services/webhooks/find-sender.ts';
import { isUnauthorized, refusedProof, wrongSecret } from '../services/webhooks/proof.ts';
import { createIntake, type ReceiveRequest } from '../services/webhooks/receive.ts';
import type { StoredEvent } from '../services/webhooks/store-requests.ts';
import type { MessageDrain } from '../services/webhooks/message-drain.ts';
import type { Signaller } from '../services/webhooks/signaller.ts';
import { readBody } from './http/body.ts';

/** The largest webhook body, in bytes. */
const bodyLimit = 5_000_000;

/** Takes webhooks in: 200 means that the event is committed in PostgreSQL. */
export function serveWebhooks(router: Router, context: Context, signaller: Signaller, messages: MessageDrain): void {
  const { providers } = context;
  const findSender = createSenderFinder(context);
  const receive = createIntake(context);
  const after = (stored: readonly StoredEvent[], { conversations }: Provider): void => {
    // Who wrote may have to be looked up.
    if (conversations?.profile && stored.some(({ state }) => state === 'processed')) messages.wake();
    for (const event of stored) {
      if (event.account) signaller.signal(event.account, event);
      else if (event.owesEffect) messages.wake();
    }
  };
  router.post(
    '/webhooks/:provider/:token',
    takeIn(context, after, findSender, receive, ({ params: { provider } }) => {
      const name = String(provider);
      return Object.hasOwn(providers, name) ? providers[name] : undefined;
    }),
  );
  for (const provider of Object.values(providers)) {
    const { paths, challenge } = provider.webhooks;
    const take = takeIn(context, after, findSender, receive, () => provider);
    for (const path of paths) router.post(path, asDocumented(provider, take));
    if (!challenge) continue;
    const answer = answerChallenge(context, provider);
    router.get(`/webhooks/${provider.name}/:token`, answer);
    for (const path of paths) router.get(path, asDocumented(provider, answer));
  }
}

/** At a documented path: a wrong proof is refused with the documented status. */
const asDocumented =
  ({ webhooks }: Provider, handle: RequestHandler): RequestHandler =>
  async (request, response, next) => {
    try {
      await handle(request, response, next);
    } catch (error) {
      throw webhooks.refusedAtPaths === 403 && isUnauthorized(error) ? refusedProof() : error;
    }
  };

/** Null at a documented path, which all credentials of a provider share. */
function tokenOf({ params: { token } }: Request): string | null {
  if (typeof token !== 'string') return null;
  // Also keeps out what PostgreSQL cannot compare, a NUL.
  if (!/^[\w-]{1,128}$/.test(token)) throw unknownAddress();
  return token;
}

const takeIn =
  (
    context: Context,
    after: (stored: readonly StoredEvent[], provider: Provider) => void,
    findSender: FindSender,
    receive: ReceiveRequest,
    providerOf: (request: Request) => Provider | undefined,
  ): RequestHandler =>
  async (request, response) => {
    const started = performance.now();
    response.locals['route'] = 'POST /webhooks';
    const { metrics, log } = context;
    const { headers } = request;
    const provider = providerOf(request);
    if (!provider) throw unknownAddress();
    const token = tokenOf(request);
    const senderOf = await findSender(provider, token, headers);
    const raw = await readBody(request, response, bodyLimit);
    const receiveFrom = async (senderOf: SenderOf): Promise<StoredEvent[]> => {
      const sender = senderOf({ raw, headers });
      if (!sender) throw wrongSecret();
      return receive(provider, sender, { raw, headers });
    };
    const stored = await receiveFrom(senderOf).catch(async (error: unknown) => {
      // The secret may have been changed since the sender was looked up.
      if (!isUnauthorized(error)) throw error;
      return receiveFrom(await findSender(provider, token, headers, 'again'));
    });
    response.json({ received: stored.length });
    for (const { label, state } of stored) metrics.webhookEvents.inc({ provider: provider.name, type: label, state });
    after(stored, provider);
    const states = stored.map(({ state }) => state);
    log.debug({ provider: provider.name, states, ms: performance.now() - started }, 'webhook taken in');
  };

/** Proves to a provider that asks, before it sends events, that the address is ours. */
const answerChallenge =
  (context: Context, provider: Provider): RequestHandler =>
  async (request, response) => {
    response.locals['route'] = 'GET /webhooks';
    const answer = await answerToChallenge(context, provider, tokenOf(request), request.query);
    if (!answer) throw wrongSecret();
    response.type('text/plain').send(answer);
  };
