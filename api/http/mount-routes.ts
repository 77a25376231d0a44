import type { Request, RequestHandler, Response, Router } from 'express';
import { z } from 'zod';
import { newId } from '../../platform/ids.ts';
import type { Context } from '../../services/context.ts';
import type { FeedStart } from '../../services/events/feed-reader.ts';
import { createLive, type ServeLive } from '../realtime/live.ts';
import { checkHandshake, isUpgrade } from '../realtime/upgrades.ts';
import { createAdmission, type Admission } from './admission.ts';
import { createAnswers, type SendAnswer } from './answers.ts';
import { recordRequest, type RequestRecord } from './audit.ts';
import { unlessRevoked } from './auth.ts';
import { createAuditLog, type AuditLog } from '../../services/audit/audit-log.ts';
import { requireScope, type Principal } from '../../services/principal.ts';
import { Problem } from '../../services/problem.ts';
import { checkText, readJson } from './body.ts';
import { readFormFile, type IncomingFile } from './form-file.ts';
import { sendFile, type FileAnswer } from './files.ts';
import { once, type Reply } from './idempotency.ts';
import type { Route, Transport } from './route.ts';
import { visibleTo } from './schemas.ts';
import { sendLines, type TextAnswer } from './text-stream.ts';
import { invalid, parse } from './validate.ts';

/** The largest body of a request with a key, in bytes. */
const bodyLimit = 1_000_000;

/** Mounts routes at their paths. Each request passes its key, its rate limit, its scope and its schemas, in this order. */
export function mountRoutes(router: Router, context: Context, routes: readonly Route[]): void {
  const admit = createAdmission(context);
  const sendAnswer = createAnswers();
  const live = createLive(context);
  const log = createAuditLog(context);
  for (const route of routes)
    router[route.method](expressPath(route.path), handlerOf(context, route, { admit, sendAnswer, live, log }));
}

/** For what a route does not take at all. */
const nothing = z.object({});

const expressPath = (path: string): string => path.replace(/\{(\w+)\}/g, ':$1').replace(/(.)\/$/, '$1');

/** The answer to a request; `replayed` when it was given before, under the same Idempotency-Key. */
type Answer = Reply & { replayed?: boolean; retryAfter?: number | undefined };
/** What is streamed in place of an answer. */
type Streamed = { file: FileAnswer } | { lines: TextAnswer } | { follow: FeedStart };

/** What all routes share. */
interface Shared {
  admit: Admission;
  sendAnswer: SendAnswer;
  live: ServeLive;
  log: AuditLog;
}

/** How the caller takes what a route has. */
function transportOf(request: Request, { live }: Route): Transport {
  if (isUpgrade(request)) return 'socket';
  const wantsStream = live === 'stream' && request.method === 'GET';
  return wantsStream && request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream'
    ? 'stream'
    : 'answer';
}

function handlerOf(context: Context, route: Route, { admit, sendAnswer, live, log }: Shared): RequestHandler {
  return async (request, response) => {
    const transport = transportOf(request, route);
    response.locals['route'] =
      `${route.method.toUpperCase()} ${route.path}${transport === 'stream' ? ' as a stream' : ''}`;
    if (route.changes && request.method === 'HEAD')
      throw new Problem('method_not_allowed', 'This address takes GET.', { headers: { allow: 'GET' } });
    // A wrong handshake does not use a ticket up.
    if (transport === 'socket') checkHandshake(request);
    const { valid, check } = await admit(request, response, route, transport);
    const { principal } = valid;
    response.locals['tenant'] = principal.tenantId;
    const record = recordRequest(context, log, route, { request, response, principal });
    const given = await failingInto(record, () => {
      requireScope(principal, route.scope);
      return unlessRevoked(valid, check, async (confirm) => {
        const result = await answer(route, { request, response, principal, transport, confirm, context, record });
        if (!('follow' in result))
          await ('body' in result
            ? record.answered(result.body, result.replayed ?? false)
            : record.answered(undefined, false));
        // A key that is revoked meanwhile ends the stream.
        if ('file' in result) await sendFile(request, response, result.file);
        if ('lines' in result) await sendLines(request, response, result.lines);
        return result;
      });
    });
    if ('file' in given || 'lines' in given) return;
    if ('follow' in given) {
      if (transport === 'socket') response.statusCode = 101;
      await live(request, response, valid, given.follow);
      return;
    }
    const { status, body, replayed, retryAfter } = given;
    if (retryAfter !== undefined) response.set('retry-after', String(retryAfter));
    if (replayed) response.set('idempotent-replayed', 'true');
    // A replayed answer may have been made for a key with other scopes.
    const seen = { status, body: visibleTo(principal.scopes, route.answer, body) };
    send(response, route, seen, (text) => sendAnswer(response, principal.keyId, text));
  };
}

/** Records how a request ended that was not answered as meant. */
async function failingInto<T>(record: RequestRecord, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await record.failed(error);
    throw error;
  }
}

interface Admitted {
  context: Context;
  record: RequestRecord;
  request: Request;
  response: Response;
  principal: Principal;
  transport: Transport;
  /** Throws when the key no longer works. */
  confirm(): Promise<void>;
}

/** Reads an admitted request and executes it. */
async function answer(
  route: Route,
  { context, record, request, response, principal, transport, confirm }: Admitted,
): Promise<Answer | Streamed> {
  const writes = route.method !== 'get';
  const hasBody = writes && !route.takesFile;
  const sent = hasBody ? ((await readJson(request, response, bodyLimit)) ?? {}) : undefined;
  checkText(request.query);
  const left = new AbortController();
  response.once('close', () => left.abort());
  const call = {
    context: record.context,
    principal,
    transport,
    lastEventId: request.get('last-event-id'),
    params: parse(route.params, request.params),
    query: parse(route.query ?? nothing, request.query),
    body: hasBody ? parse(route.body ?? nothing, sent) : undefined,
    // The caller has disconnected, or the process is told to end.
    gone: AbortSignal.any([left.signal, context.stopping]),
    receiveFile: <T>(limit: number, take: (file: IncomingFile, confirm: () => Promise<void>) => Promise<T>) =>
      readFormFile(request, response, limit, (file) => take(file, confirm)),
  };
  const run = async (operationId: string): Promise<Answer | Streamed> => {
    // The body may have come slowly, and an earlier request under the same Idempotency-Key may have been waited for.
    await confirm();
    record.describe({ ...call, operationId, sent });
    const result = await route.handle({ ...call, operationId });
    if (!('body' in result)) return result;
    return { ...result, status: result.status ?? route.status ?? 200, body: route.answer.parse(result.body) };
  };
  const key = route.idempotent ? idempotencyKeyOf(request) : null;
  if (key === null) return run(newId());
  const content = JSON.stringify([request.path.replace(/\/$/, ''), sent]);
  const name = `${route.method} ${route.path}`;
  const redact = (body: unknown): unknown => redacted(body, route.shownOnce);
  return once(context, { tenantId: principal.tenantId, route: name, key, content, redact }, async (operationId) =>
    asReply(await run(operationId)),
  );
}

function asReply(answered: Answer | Streamed): Reply {
  if (!('body' in answered)) throw new Error('A stream is no answer under an Idempotency-Key.');
  return { status: answered.status, body: answered.body };
}

function idempotencyKeyOf(request: Request): string | null {
  const key = request.get('idempotency-key');
  if (key === undefined) return null;
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw invalid([{ field: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters.' }]);
  return key;
}

const redacted = (body: unknown, fields: readonly string[] = []): unknown =>
  fields.length ? { ...(body as object), ...Object.fromEntries(fields.map((field) => [field, null])) } : body;

function send(response: Response, route: Route, { status, body }: Reply, sendText: (text: string) => void): void {
  response.status(status);
  const watch = status === 202 && route.watch?.(body as never);
  if (watch) response.location(watch);
  if (status === 204) response.end();
  // What is kept of an erased answer is a problem.
  else if (status >= 400) response.type('application/problem+json').send(JSON.stringify(body));
  else if (route.contentType) response.type(route.contentType).send(String(body));
  else {
    response.type('json');
    sendText(JSON.stringify(body));
  }
}
