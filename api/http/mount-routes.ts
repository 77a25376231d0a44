import type { Request, RequestHandler, Response, Router } from 'express';
import type { z } from 'zod';
import { newId } from '../../platform/ids.ts';
import type { Context } from '../../services/context.ts';
import { bearerOf, createKeyring, unauthorized, unlessRevoked, type ValidKey } from './auth.ts';
import { requireScope, type Principal } from '../../services/principal.ts';
import { checkText, readJson } from './body.ts';
import { once, type Reply } from './idempotency.ts';
import { Problem } from '../../services/problem.ts';
import { createLimit } from './rate-limit.ts';
import type { Route } from './route.ts';

/** The largest body of a request with a key, in bytes. */
const bodyLimit = 1_000_000;

/** Mounts routes at their paths. Each request passes its key, its rate limit, its scope and its schemas, in this order. */
export function mountRoutes(router: Router, context: Context, routes: readonly Route[]): void {
  const admit = createAdmission(context);
  for (const route of routes) router[route.method](expressPath(route.path), handlerOf(context, route, admit));
}

const expressPath = (path: string): string => path.replace(/\{(\w+)\}/g, ':$1').replace(/(.)\/$/, '$1');

/** The key of a request, and how to look it up again. */
interface Admitted {
  valid: ValidKey;
  check(): Promise<ValidKey | null>;
}

type Admission = (request: Request, route: Route) => Promise<Admitted>;

/** Requests without a valid key are counted by address, all others by key. */
function createAdmission(context: Context): Admission {
  const keyring = createKeyring(context.db);
  const byKey = createLimit(context.config.RATE_LIMIT_PER_MINUTE);
  const byAddress = createLimit(context.config.RATE_LIMIT_PER_MINUTE);
  return async (request, route) => {
    const key = bearerOf(request);
    const valid = key && (await keyring(key));
    if (!key || !valid) {
      await byAddress(request.socket.remoteAddress ?? '');
      throw unauthorized();
    }
    await byKey(valid.principal.keyId);
    requireScope(valid.principal, route.scope);
    return { valid, check: () => keyring(key) };
  };
}

/** The answer to a request; `replayed` when it was given before, under the same Idempotency-Key. */
type Answer = Reply & { replayed?: boolean };

function handlerOf(context: Context, route: Route, admit: Admission): RequestHandler {
  return async (request, response) => {
    response.locals['route'] = `${route.method.toUpperCase()} ${route.path}`;
    const { valid, check } = await admit(request, route);
    response.locals['tenant'] = valid.principal.tenantId;
    const { status, body, replayed } = await unlessRevoked(valid, check, (confirm) =>
      answer(context, route, request, response, valid.principal, confirm),
    );
    if (replayed) response.set('idempotent-replayed', 'true');
    send(response, route, { status, body });
  };
}

/** Reads an admitted request and executes it. `confirm` throws when its key no longer works. */
async function answer(
  context: Context,
  route: Route,
  request: Request,
  response: Response,
  principal: Principal,
  confirm: () => Promise<void>,
): Promise<Answer> {
  const writes = route.method !== 'get';
  const sent = writes ? ((await readJson(request, response, bodyLimit)) ?? {}) : undefined;
  checkText('query', request.query);
  const left = new AbortController();
  response.once('close', () => left.abort());
  const call = {
    context,
    principal,
    params: parse(route.params, request.params),
    query: parse(route.query, request.query),
    body: parse(route.body, sent),
    // The caller has disconnected, or the process is told to end.
    gone: AbortSignal.any([left.signal, context.stopping]),
  };
  const run = async (operationId: string): Promise<Reply> => {
    // The body may have come slowly, and an earlier request under the same Idempotency-Key may have been waited for.
    await confirm();
    const { status, body } = await route.handle({ ...call, operationId });
    return { status: status ?? route.status ?? 200, body: route.answer.parse(body) };
  };
  const key = route.idempotent ? idempotencyKeyOf(request) : null;
  if (key === null) return run(newId());
  const content = JSON.stringify([request.path.replace(/\/$/, ''), sent]);
  const name = `${route.method} ${route.path}`;
  const redact = (body: unknown): unknown => redacted(body, route.shownOnce);
  return once(context, { tenantId: principal.tenantId, route: name, key, content, redact }, run);
}

function idempotencyKeyOf(request: Request): string | null {
  const key = request.get('idempotency-key');
  if (key === undefined) return null;
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new Problem('invalid_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
  return key;
}

const redacted = (body: unknown, fields: readonly string[] = []): unknown =>
  fields.length ? { ...(body as object), ...Object.fromEntries(fields.map((field) => [field, null])) } : body;

/** Validates by a route's own schema. 422 names a wrong field by its path, never by its value. */
export function parse(schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new Problem('invalid_request', issues.join('; '));
}

function send(response: Response, route: Route, { status, body }: { status: number; body: unknown }): void {
  response.status(status);
  if (status === 204) response.end();
  else if (route.contentType) response.type(route.contentType).send(String(body));
  else response.json(body);
}
