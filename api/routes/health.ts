import { createHmac } from 'node:crypto';
import type { Request, RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { Keyset } from '../../platform/keyset.ts';
import { newId } from '../../platform/ids.ts';
import { isDatabaseUp } from '../../db/database-down.ts';
import { createAuditLog } from '../../services/audit/audit-log.ts';
import { blankEntry } from '../../services/audit/record.ts';
import { countPausedTenants } from '../../db/queries/tenants/paused-sending.ts';
import { decodePayload } from '../../temporal/codec.ts';
import type { Context } from '../../services/context.ts';
import { readJson } from '../http/body.ts';
import { clientAddress } from '../http/client-address.ts';
import { Problem } from '../../services/problem.ts';
import { isOneOf } from '../../platform/constant-time.ts';

/** `/healthz` answers when the process runs, `/readyz` when PostgreSQL and Temporal answer too. */
export function serveHealth(router: Router, { db, temporal }: Context): void {
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request, response) => {
    const [databaseUp, temporalUp] = await Promise.all([isDatabaseUp(db), temporal.ping()]);
    const ready = databaseUp && temporalUp;
    const sending = databaseUp ? await sendingState(db) : 'unknown';
    if (!ready) response.set('retry-after', '5');
    const word = (up: boolean): string => (up ? 'up' : 'down');
    response
      .status(ready ? 200 : 503)
      .json({ status: ready ? 'ready' : 'not ready', database: word(databaseUp), temporal: word(temporalUp), sending });
  });
}

/** `paused` after a restore, until an operator resumes: the process is ready all the same. */
const sendingState = (db: Context['db']): Promise<'on' | 'paused' | 'unknown'> =>
  db.system(countPausedTenants).then(
    (tenants) => (tenants ? 'paused' : 'on'),
    () => 'unknown',
  );

/** The credential in the codec's address, derived from the encryption key. */
const codecToken = (encryptionKey: string): string =>
  createHmac('sha256', encryptionKey).update('codec-endpoint').digest('hex');

/** The largest body of payloads, in bytes. */
const bodyLimit = 10_000_000;

const wirePayload = z.object({ metadata: z.record(z.string(), z.string()).default({}), data: z.string().default('') });
type WirePayload = z.output<typeof wirePayload>;
const body = z.object({ payloads: z.array(wirePayload) });

function opening<T>(open: () => T): T {
  try {
    return open();
  } catch {
    throw new Problem('malformed_request', 'A payload does not open with the keys of this installation.');
  }
}

/**
 * Opens payloads for the Temporal UI (its codec endpoint speaks protobuf's JSON, bytes in base64). For operators only:
 * the path holds the credential, browsers of other origins are refused, and each use is recorded.
 */
export function serveCodec(router: Router, context: Context): void {
  const { config, db, vault, log } = context;
  const audit = createAuditLog(context);
  const expected = codecToken(config.ENCRYPTION_KEY);
  const origin = config.TEMPORAL_UI_URL ? new URL(config.TEMPORAL_UI_URL).origin : null;

  const cors: RequestHandler = (request, response, next) => {
    if (origin && request.get('origin') === origin)
      response.set({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'POST, OPTIONS',
        'access-control-allow-headers': 'content-type, x-namespace, authorization, caller-type',
        'access-control-allow-credentials': 'true',
        // The UI is served from another origin.
        'cross-origin-resource-policy': 'cross-origin',
        vary: 'origin',
      });
    if (request.method === 'OPTIONS') response.status(204).end();
    else next();
  };
  const admit = (request: Request<{ token: string }>): void => {
    if (!isOneOf(request.params.token, [expected]))
      throw new Problem('unauthorized', 'This is no codec address.', {
        fix: 'Use the address that the stack gave to the UI.',
      });
  };

  router.use('/codec', cors);
  router.post('/codec/:token/decode', async (request, response) => {
    admit(request);
    const parsed = body.safeParse(await readJson(request, response, bodyLimit));
    if (!parsed.success) throw new Problem('malformed_request', 'The body holds no payloads.');
    const { payloads } = parsed.data;
    const keys = await vault.keysOf(db, null);
    const opened = payloads.map((payload) => openPayload(keys, payload));
    const address = clientAddress(request);
    await audit.add({
      ...blankEntry,
      id: newId(),
      kind: 'look',
      via: 'codec',
      actor: 'operator',
      action: 'decodePayloads',
      address,
      requestId: String(response.locals['requestId']),
      details: { payloads: payloads.length },
    });
    response.json({ payloads: opened });
    log.info({ payloads: payloads.length, address }, 'payloads decoded for an operator');
  });

  function openPayload(keys: Keyset, payload: WirePayload): WirePayload {
    const opened = opening(() =>
      decodePayload(keys, {
        metadata: Object.fromEntries(
          Object.entries(payload.metadata).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
        ),
        data: Buffer.from(payload.data, 'base64'),
      }),
    );
    const base64 = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
    return {
      metadata: Object.fromEntries(Object.entries(opened.metadata ?? {}).map(([key, value]) => [key, base64(value)])),
      data: base64(opened.data),
    };
  }
}
