import type { RequestHandler, Router } from 'express';
import { returnOutcomes, type ReturnOutcome } from '../../domain/addresses.ts';
import type { ProviderName } from '../../domain/channels.ts';
import {
  acceptCallback,
  leaveLogin,
  requireCallbackToken,
  returnFromPage,
} from '../../services/connections/login-page.ts';
import type { Context } from '../../services/context.ts';
import { Problem } from '../../services/problem.ts';
import { readJson } from '../http/body.ts';
import { page, pagePolicy } from './login-page-html.ts';

/** The largest callback, in bytes. */
const bodyLimit = 64_000;

/** The outcome of a login on a provider's page: the provider's callback, and the return of the owner's browser. */
export function serveLoginPages(router: Router, context: Context): void {
  router.post('/callbacks/:provider/:token', takeCallback(context));
  router.get('/callbacks/:provider/:token/:outcome', takeReturn(context));
  router.post('/callbacks/:provider/:token/failure', takeLeave(context));
}

const takeCallback =
  (context: Context): RequestHandler =>
  async (request, response) => {
    response.locals['route'] = 'POST /callbacks';
    const { provider: name, token } = request.params as { provider: ProviderName; token: string };
    const provider = Object.hasOwn(context.providers, name) ? context.providers[name] : undefined;
    // The body is read only where the address exists.
    await requireCallbackToken(context, token);
    const body = await readJson(request, response, bodyLimit);
    await acceptCallback(context, name, token, provider?.webhooks.readCallback?.(body) ?? null);
    response.json({ received: true });
  };

/** On to the calling application, or to a page of ours that shows the outcome. */
const takeReturn =
  (context: Context): RequestHandler =>
  async (request, response) => {
    response.locals['route'] = 'GET /callbacks';
    const { provider, token, outcome } = request.params as { provider: string; token: string; outcome: ReturnOutcome };
    if (!returnOutcomes.includes(outcome)) throw new Problem('not_found');
    const redirect = await returnFromPage(context, provider, token, outcome);
    if (redirect) response.redirect(303, redirect);
    else response.set('content-security-policy', pagePolicy).type('html').send(page(outcome));
  };

/** The owner ends the login by the form of our page. */
const takeLeave =
  (context: Context): RequestHandler =>
  async (request, response) => {
    response.locals['route'] = 'POST /callbacks';
    const { provider, token } = request.params as { provider: string; token: string };
    const redirect = await leaveLogin(context, provider, token);
    if (redirect) response.redirect(303, redirect);
    else response.type('html').send(page('left'));
  };
