import type { Request, RequestHandler, Router } from 'express';
import { userRequestKinds, userRequestPaths, type UserRequestKind } from '../../domain/user-requests.ts';
import { deletionAddress } from '../../domain/addresses.ts';
import { requestByCode } from '../../db/queries/user-requests/user-requests.ts';
import { createShares } from '../../platform/shares.ts';
import type { Provider } from '../../providers/provider.ts';
import type { Context } from '../../services/context.ts';
import { Problem } from '../../services/problem.ts';
import { userRequestReader } from '../../services/user-requests/read-user-request.ts';
import { receiveUserRequest } from '../../services/user-requests/receive-user-request.ts';
import { createIntake } from '../../services/webhooks/receive.ts';
import type { Signaller } from '../../services/webhooks/signaller.ts';
import { readBody } from '../http/body.ts';
import { wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { deletionPage } from './deletion-page-html.ts';
import { pagePolicy } from './login-page-html.ts';

/** The largest request, in bytes. */
const bodyLimit = 64_000;
/** Look-ups of those that proved nothing yet: of so many that wait, and for so long, in milliseconds. */
const unproven = { waiting: 50, waitMs: 5_000 };

/**
 * What providers ask in the name of one of their users: that a login ended, or that what is stored goes. And the page that
 * shows how far such a deletion is. Mounted before the addresses of login pages, which have a token in the same place.
 */
export function serveUserRequests(router: Router, context: Context, signaller: Signaller): void {
  const receive = createIntake(context);
  const oneByOne = createShares(1, unproven.waiting, unproven.waitMs);

  const take =
    (asked: UserRequestKind): RequestHandler =>
    async (request, response) => {
      response.locals['route'] = 'POST /callbacks';
      const provider = providerOf(context, request);
      const read = await oneByOne('unproven', () => userRequestReader(context, provider, tokenOf(request)));
      const raw = await readBody(request, response, bodyLimit);
      const signed = read({ raw, headers: request.headers }, asked);
      const { stored, code } = await receiveUserRequest(context, receive, provider, signed);
      for (const { label, state } of stored)
        context.metrics.webhookEvents.inc({ provider: provider.name, type: label, state });
      for (const event of stored) if (event.account) signaller.signal(event.account, event);
      if (code === null) response.json({ received: true });
      else response.json({ url: deletionAddress(context.publicUrl, provider.name, code), confirmation_code: code });
    };

  if (!Object.values(context.providers).some(({ callbacks }) => callbacks)) return;
  for (const kind of userRequestKinds) {
    const path = userRequestPaths[kind];
    router.post(`/callbacks/:provider/${path}`, take(kind));
    router.post(`/callbacks/:provider/:token/${path}`, take(kind));
  }
  router.get(`/callbacks/:provider/${userRequestPaths.deletion_requested}/:code`, show(context));
}

/** Throws `not_found` for a name that no provider has. */
function providerOf({ providers }: Context, { params }: Request): Provider {
  const name = String(params['provider']);
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined;
  if (!provider) throw new Problem('not_found', 'There is no such address.');
  return provider;
}

/** Null at the address of the installation's credentials. */
function tokenOf({ params: { token } }: Request): string | null {
  if (typeof token !== 'string') return null;
  if (!isName(token)) throw new Problem('not_found', 'There is no such address.');
  return token;
}

/** Also keeps out what PostgreSQL cannot compare, a NUL. */
const isName = (text: string): boolean => /^[\w-]{1,128}$/.test(text);

/** For the user, whose browser the provider sends here, and for programs. */
const show =
  (context: Context): RequestHandler =>
  async (request, response) => {
    response.locals['route'] = 'GET /callbacks';
    const provider = providerOf(context, request);
    const code = String(request.params['code']);
    const found = isName(code) ? await context.db.authentication((em) => requestByCode(em, provider.name, code)) : null;
    if (!found) throw new Problem('not_found', 'There is no such request.');
    const { requestedAt, doneAt, isDone } = found;
    response.vary('accept');
    if (request.accepts(['json', 'html']) === 'html')
      response
        .set('content-security-policy', pagePolicy)
        .type('html')
        .send(deletionPage(code, requestedAt, isDone));
    else
      response.json({
        confirmation_code: code,
        state: isDone ? 'done' : 'running',
        requested_at: wireTime(requestedAt),
        done_at: wireTimeOrNull(doneAt),
      });
  };
