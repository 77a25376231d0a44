import type { Router } from 'express';
import { z } from 'zod';
import { returnFromOAuth } from '../../services/connections/return-from-oauth.ts';
import type { Context } from '../../services/context.ts';
import { Problem } from '../../services/problem.ts';
import { page } from './login-page-html.ts';

/** RFC 6749, section 4.1.2: a code or an error, each with the state. */
const state = z.string().min(1).max(255);
const query = z.union([
  z.object({ state, code: z.string().min(1).max(4_000) }),
  z.object({ state, error: z.string().min(1) }).transform((refused) => ({ ...refused, code: null })),
]);

/** The one address of each provider to which authorization pages send the owner's browser back. */
export function serveOAuthReturns(router: Router, context: Context): void {
  for (const { name, oauth } of Object.values(context.providers))
    if (oauth)
      router.get(`/callbacks/${name}`, async (request, response) => {
        response.locals['route'] = 'GET /callbacks';
        // Express passes HEAD on to here; only the page's own redirect brings a code.
        if (request.method === 'HEAD') return void response.end();
        const { success, data } = query.safeParse(request.query);
        if (!success) throw new Problem('malformed_request', 'The return names no login.');
        const back = await returnFromOAuth(context, name, { state: data.state, code: data.code });
        if (back.redirect) response.redirect(303, back.redirect);
        else response.type('html').send(page(back.outcome));
      });
}
