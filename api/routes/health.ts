import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Router } from 'express';
import { rows } from '../../db/connect.ts';
import { decodePayload } from '../../platform/codec.ts';
import type { ApiContext } from '../context.ts';
import { readJson } from '../http/body.ts';
import { Problem } from '../http/problem.ts';

/** Life signs: `/healthz` says that the process answers, `/readyz` that it can do its work. */
export function serveHealth(router: Router, { db, motion }: ApiContext): void {
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request, response) => {
    const works = (asked: Promise<unknown>): Promise<boolean> => asked.then(Boolean, () => false);
    const [database, temporal] = await Promise.all([
      works(db.system((em) => rows(em, 'select 1'))),
      works(motion.ping()),
    ]);
    const ready = database && temporal;
    if (!ready) response.set('retry-after', '5');
    const word = (up: boolean): string => (up ? 'up' : 'down');
    response
      .status(ready ? 200 : 503)
      .json({ status: ready ? 'ready' : 'not ready', database: word(database), temporal: word(temporal) });
  });
}

/** The part of the codec's address that is its credential: whoever holds the encryption key can make it. */
export const codecToken = (encryptionKey: string): string =>
  createHmac('sha256', encryptionKey).update('codec-endpoint').digest('hex');

interface WirePayload {
  metadata?: Record<string, string>;
  data?: string;
}

/**
 * Opens payloads for the Temporal UI (its codec endpoint speaks protobuf's JSON, bytes in base64). For operators only:
 * the path holds the credential, browsers of other origins are refused, and each use is recorded.
 */
export function serveCodec(router: Router, context: ApiContext): void {
  const { config, vault, log } = context;
  const expected = Buffer.from(codecToken(config.ENCRYPTION_KEY));
  const origin = config.TEMPORAL_UI_URL ? new URL(config.TEMPORAL_UI_URL).origin : null;

  const cors: RequestHandler = (request, response, next) => {
    if (origin && request.get('origin') === origin)
      response.set({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'POST, OPTIONS',
        'access-control-allow-headers': 'content-type, x-namespace, authorization, caller-type',
        'access-control-allow-credentials': 'true',
        // The UI is another origin of this machine.
        'cross-origin-resource-policy': 'cross-origin',
        vary: 'origin',
      });
    if (request.method === 'OPTIONS') response.status(204).end();
    else next();
  };
  const admit = (request: Request<{ token: string }>): void => {
    const given = Buffer.from(request.params.token);
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new Problem('unauthorized', 'This is no codec address.', {
        fix: 'Use the address that the stack gave to the UI.',
      });
  };

  router.use('/codec', cors);
  router.post(
    '/codec/:token/decode',
    (request, _response, next) => {
      admit(request);
      next();
    },
    express.json({ limit: 10_000_000, inflate: false, type: () => true }),
    (request, response) => {
      const { payloads } = (request.body ?? {}) as { payloads?: unknown };
      const given = Array.isArray(payloads) ? (payloads as WirePayload[]) : [];
      response.json({ payloads: given.map((payload) => openPayload(payload)) });
      log.info({ payloads: given.length, address: request.socket.remoteAddress }, 'payloads decoded for an operator');
    },
  );

  function openPayload(payload: WirePayload): WirePayload {
    const opened = decodePayload(vault, {
      metadata: Object.fromEntries(
        Object.entries(payload?.metadata ?? {}).map(([key, value]) => [key, Buffer.from(String(value), 'base64')]),
      ),
      data: Buffer.from(String(payload?.data ?? ''), 'base64'),
    });
    const base64 = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
    return {
      metadata: Object.fromEntries(Object.entries(opened.metadata ?? {}).map(([key, value]) => [key, base64(value)])),
      data: base64(opened.data),
    };
  }
}
