import type { Router } from 'express';
import { z } from 'zod';
import { returnFromOAuth } from '../../services/connections/return-from-oauth.ts';
import type { Context } from '../../services/context.ts';
import { Problem } from '../../services/problem.ts';
import { page } from './login-page-html.ts';

/** RFC 6749, section 4.1.2: a code or an error, each with the state. */
const query = z.object({ state: z.string().min(1).max(255), code: z.string().min(1).max(4_000).optional() });

/** The one address of each provider to which authorization pages send the owner's browser back. */
export function serveOAuthReturns(router: Router, context: Context): void {
  for (const { name, oauth } of Object.values(context.providers))
    if (oauth)
      router.get(`/callbacks/${name}`, async (request, response) => {
        response.locals['route'] = 'GET /callbacks';
        const { success, data } = query.safeParse(request.query);
        if (!success) throw new Problem('malformed_request', 'The return names no login.');
        const back = await returnFromOAuth(context, name, { state: data.state, code: data.code ?? null });
        if (back.redirect) response.redirect(303, back.redirect);
        else response.type('html').send(page(back.outcome));
      });
}
