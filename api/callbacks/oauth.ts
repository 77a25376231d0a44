import type { Request, RequestHandler, Response, Router } from 'express';
import { z } from 'zod';
import type { ProviderName } from '../../domain/channels.ts';
import { browserCookie } from '../../services/connections/oauth-state.ts';
import { returnFromOAuth } from '../../services/connections/return-from-oauth.ts';
import { startOAuth } from '../../services/connections/start-oauth.ts';
import type { Context } from '../../services/context.ts';
import { cookieOf } from '../http/cookies.ts';
import { endPage, refusalPage, refusals } from './oauth-html.ts';

const state = z.string().min(1).max(255);
/** RFC 6749, section 4.1.2: a code or an error, each with the state. `start` is ours. */
const query = z.union([
  z.object({ state, code: z.string().min(1).max(4_000) }),
  z.object({ state, error: z.string().min(1) }).transform((refused) => ({ state: refused.state, code: null })),
  z.object({ state, start: z.string().min(1).max(255) }),
]);

/**
 * The one address of each provider at which logins by OAuth begin, and to which authorization pages send the owner's
 * browser back. The documented paths lead to the same.
 */
export function serveOAuthReturns(router: Router, context: Context): void {
  for (const { name, oauth } of Object.values(context.providers))
    if (oauth)
      for (const path of [`/callbacks/${name}`, ...(oauth.paths ?? [])]) router.get(path, takeBrowser(context, name));
}

const takeBrowser =
  (context: Context, provider: ProviderName): RequestHandler =>
  async (request, response) => {
    response.locals['route'] = 'GET /callbacks';
    // Express passes HEAD on to here; only the page's own redirect brings a code.
    if (request.method === 'HEAD') return void response.end();
    const { success, data } = query.safeParse(request.query);
    if (!success) return refuse(response, 'malformed');
    return 'start' in data
      ? begin(context, provider, data, response)
      : comeBack(context, provider, data, request, response);
  };

/** Gives the browser what it must show on return, and sends it to the provider's page. */
async function begin(
  context: Context,
  provider: ProviderName,
  asked: { state: string; start: string },
  response: Response,
): Promise<void> {
  const started = await startOAuth(context, provider, asked);
  if (typeof started === 'string') return refuse(response, started);
  const { name, secure } = browserCookie(context.publicUrl, asked.state);
  // Lax: sent when the provider's page leads back here, never with another site's forms, frames or pictures.
  response.cookie(name, started.browser, { httpOnly: true, sameSite: 'lax', secure, path: '/', maxAge: started.forMs });
  response.redirect(303, started.page);
}

async function comeBack(
  context: Context,
  provider: ProviderName,
  back: { state: string; code: string | null },
  request: Request,
  response: Response,
): Promise<void> {
  const { name } = browserCookie(context.publicUrl, back.state);
  const left = new AbortController();
  response.once('close', () => left.abort());
  const gone = AbortSignal.any([left.signal, context.stopping]);
  const arrival = { ...back, browser: cookieOf(request, name) ?? '' };
  const end = await returnFromOAuth(context, provider, arrival, gone);
  if (typeof end === 'string') return refuse(response, end);
  if (end.redirect) response.redirect(303, end.redirect);
  else response.type('html').send(endPage(end));
}

function refuse(response: Response, reason: keyof typeof refusals): void {
  response.status(refusals[reason].status).type('html').send(refusalPage(reason));
}
