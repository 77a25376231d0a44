import type { Router } from 'express';
import { encodeQR } from 'qr';
import { addressGroup } from '../domain/public-address.ts';
import { signedQrText } from '../services/connections/qr-image.ts';
import type { Context } from '../services/context.ts';
import { Problem } from '../services/problem.ts';
import { clientAddress } from './http/client-address.ts';
import { createLimit } from './http/rate-limit.ts';

/** The picture of a step's QR code at its signed address, for pages that have no API key. Others go on to the route. */
export function serveQrImages(router: Router, context: Context): void {
  const limit = createLimit(context.config.RATE_LIMIT_PER_MINUTE);
  router.get('/api/v1/accounts/:id/attempt/steps/:step_id/qr.svg', async (request, response, next) => {
    const { expires, signature } = request.query;
    if (typeof expires !== 'string' || typeof signature !== 'string') {
      next();
      return;
    }
    response.locals['route'] = 'GET qr.svg';
    await limit(addressGroup(clientAddress(request)));
    const text = await signedQrText(context, request.params.step_id, { expires, signature });
    if (text === null)
      throw new Problem('not_found', 'There is no such QR code, or no longer.', {
        fix: 'Read the attempt again: image_url of its step is good for some minutes.',
      });
    // Pages of other origins show it.
    response.set('cross-origin-resource-policy', 'cross-origin').type('image/svg+xml').send(encodeQR(text, 'svg'));
  });
}
