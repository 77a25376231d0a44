import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { MAX_ATTACHMENT } from './attachments.ts';
import type { State } from './state.ts';

/** An answer that is not a success, in UniPile's error body. */
export class UnipileError extends Error {
  readonly status: number;
  readonly slug: string;
  readonly title: string;
  constructor(status: number, slug: string, title: string, detail?: string) {
    super(detail ?? title);
    this.status = status;
    this.slug = slug;
    this.title = title;
  }
}

export function errorBody(error: UnipileError): object {
  return { title: error.title, type: `errors/${error.slug}`, status: error.status, detail: error.message };
}

export const invalid = (detail: string): UnipileError =>
  new UnipileError(400, 'invalid_parameters', 'Invalid parameters', detail);
export const notFound = (what: string): UnipileError =>
  new UnipileError(404, 'resource_not_found', 'Resource not found', `${what} not found.`);
export const disconnected = (): UnipileError =>
  new UnipileError(401, 'disconnected_account', 'Account disconnected', 'The account needs a new login.');
export const notImplemented = (what: string): UnipileError =>
  new UnipileError(501, 'feature_not_implemented', 'Feature not implemented', what);

import multer from 'multer';

const API_KEY = 'sandbox-key';
const BASE = '/api/v1';
/** How long a call hangs at most, when a fault says that it times out. */
const HANG_MS = 35_000;

/** One route of the API. `path` is below /api/v1 and is also its name in counts and faults. */
export interface Route {
  method: 'get' | 'post' | 'patch' | 'delete';
  path: string;
  body?: 'json' | 'multipart';
  handle(req: Request, res: Response): unknown;
}

/** Mounts routes, each behind counting, key, rate limit and faults, in this order. */
export function mountRoutes(app: Express, state: State, routes: Route[]): void {
  const limiter = rateLimiter(state);
  for (const { method, path, body, handle } of routes) {
    const handlers: RequestHandler[] = [guard(state, method.toUpperCase(), BASE + path, limiter)];
    if (body === 'json') handlers.push(express.json({ limit: '1mb' }));
    if (body === 'multipart') handlers.push(multipart);
    app[method](BASE + path, ...handlers, (req: Request<Record<string, string>>, res: Response) => handle(req, res));
  }
}

function guard(state: State, method: string, route: string, limiter: () => void): RequestHandler {
  const { calls, faults } = state.shared;
  const name = `${method} ${route}`;
  return (req, res, next) => {
    calls.count('unipile', method, route);
    checkKey(req);
    limiter();
    const fault = faults.forCall('unipile', name);
    if (fault === '429') throw tooManyRequests();
    if (fault === '500') throw unexpected();
    if (fault === 'timeout') return hang(res);
    if (fault) failAfterEffect(res, fault === 'after_effect_timeout');
    next();
  };
}

/** The slugs for a missing or wrong API key are not established; these are the sandbox's own. */
function checkKey(req: Request): void {
  const key = req.headers['x-api-key'];
  if (key === undefined)
    throw new UnipileError(401, 'missing_api_key', 'Missing API key', 'The X-API-KEY header is missing.');
  if (key !== API_KEY)
    throw new UnipileError(401, 'invalid_api_key', 'Invalid API key', `The sandbox's API key is "${API_KEY}".`);
}

function rateLimiter(state: State): () => void {
  let windowStart = 0;
  let used = 0;
  return () => {
    const limit = state.variants.values.rate_limit_per_minute;
    if (limit === null) return;
    const now = state.shared.clock.now();
    if (now - windowStart >= 60_000) {
      windowStart = now;
      used = 0;
    }
    if (++used > limit) throw tooManyRequests();
  };
}

const tooManyRequests = (): UnipileError => new UnipileError(429, 'too_many_requests', 'Too many requests');
const unexpected = (): UnipileError => new UnipileError(500, 'unexpected_error', 'Unexpected error');

function hang(res: Response): void {
  const timer = setTimeout(() => {
    answerProblem(res, new UnipileError(504, 'request_timeout', 'Request timeout'));
  }, HANG_MS);
  timer.unref();
  res.once('close', () => clearTimeout(timer));
}

/** Lets the route do its work, then answers 500 (or hangs) in place of its success. */
function failAfterEffect(res: Response, hanging: boolean): void {
  const send = res.send;
  res.send = (body) => {
    res.send = send;
    if (res.statusCode >= 400) return res.send(body);
    if (hanging) hang(res);
    else answerProblem(res, unexpected());
    return res;
  };
}

const upload = multer({
  storage: multer.memoryStorage(),
  limits: { fileSize: MAX_ATTACHMENT, files: 20, fields: 100, parts: 120 },
}).any();

const multipart: RequestHandler = (req, res, next) => {
  if (!req.is('multipart/form-data')) {
    throw new UnipileError(
      415,
      'unsupported_media_type',
      'Unsupported media type',
      'This route takes multipart/form-data.',
    );
  }
  upload(req, res, next);
};

export function answerProblem(res: Response, error: UnipileError, retryAfter: number | null = null): void {
  if (retryAfter !== null) res.setHeader('retry-after', retryAfter);
  res.status(error.status).json(errorBody(error));
}

/** Whatever was thrown, as one of UniPile's errors. */
export function asUnipileError(error: unknown): UnipileError {
  if (error instanceof UnipileError) return error;
  const { type, code, message } = error as { type?: string; code?: string; message?: string };
  if (type === 'entity.too.large' || code === 'LIMIT_FILE_SIZE') {
    return new UnipileError(400, 'content_too_large', 'Content too large', message);
  }
  if (type === 'entity.parse.failed') return new UnipileError(400, 'malformed_request', 'Malformed request', message);
  if (error instanceof multer.MulterError)
    return new UnipileError(400, 'invalid_parameters', 'Invalid parameters', message);
  return new UnipileError(500, 'unexpected_error', 'Unexpected error', message);
}
