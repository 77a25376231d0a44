import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { answerError, answerOverLimit, TooManyRequests, unauthorized, unexpected, WasenderError } from './errors.ts';
import { type Bucket, rulesFor } from './limits.ts';
import { enter, type Session, type State } from './state.ts';
import { respell } from './webhooks.ts';

const PERSONAL_ACCESS_TOKEN = '1|sandbox-pat';
const BASE = '/api';
/** How long a call hangs at most, when a fault says that it times out. */
const HANG_MS = 35_000;

/** One route of the API. `path` is below /api and is also its name in counts and faults. */
export interface Route {
  method: 'get' | 'post' | 'put' | 'delete';
  path: string;
  /** An older path of the same thing. */
  olderPath?: string;
  /** Personal access token, session key, or either. */
  auth: 'pat' | 'session' | 'either';
  bucket?: Bucket;
  body?: 'json' | 'upload';
  /** The field in which its failures are told; `message` unless said otherwise. */
  errorField?: 'message' | 'error';
  /** Without a linked phone it fails. */
  linked?: boolean;
  /** `session` is the key's; behind a PAT it is null. */
  handle(req: Request, res: Response, session: Session | null): unknown;
}

/** A route of one session, for its key. */
export type SessionRoute = Omit<Route, 'auth' | 'handle'> & {
  handle(req: Request, res: Response, session: Session): unknown;
};

export function forSession(route: SessionRoute): Route {
  return { ...route, auth: 'session', handle: (req, res, session) => route.handle(req, res, session!) };
}

const parsers: Record<'json' | 'upload', RequestHandler[]> = {
  json: [express.json({ limit: '1mb' })],
  upload: [express.json({ limit: '140mb' }), express.raw({ limit: '100mb', type: () => true })],
};

/** Mounts routes, each behind counting, key, limits and faults, in this order. */
export function mountRoutes(app: Express, state: State, routes: Route[]): void {
  for (const route of routes) {
    for (const path of [route.path, route.olderPath].filter((one) => one !== undefined)) {
      const handlers: RequestHandler[] = [guard(state, route, path), ...(route.body ? parsers[route.body] : [])];
      app[route.method](BASE + path, ...handlers, (req: Request<Record<string, string>>, res: Response) =>
        route.handle(req, res, res.locals['session'] as Session | null),
      );
    }
  }
}

function guard(state: State, route: Route, path: string): RequestHandler {
  const { calls, faults, clock } = state.shared;
  const method = route.method.toUpperCase();
  return (req, res, next) => {
    calls.count('wasender', method, BASE + path);
    state.origin = `http://${req.headers.host}`;
    res.locals['errorField'] = route.errorField ?? 'message';
    spellAnswers(state, res);

    const session = authorize(state, req, route.auth);
    res.locals['session'] = session;
    const subject = session ? `session ${session.id}` : 'pat';
    const rules = rulesFor(route.bucket ?? 'other', session, state.variants.values);
    const { usage, until } = state.limits.take(`${subject} ${method} ${route.path}`, rules);
    const seconds = state.variants.values.reset_unit === 'seconds';
    const reset = seconds ? Math.ceil((usage.resetAt - clock.now()) / 1000) : Math.ceil(usage.resetAt / 1000);
    res.set({
      'x-ratelimit-limit': String(usage.limit),
      'x-ratelimit-remaining': String(usage.remaining),
      'x-ratelimit-reset': String(reset),
    });
    if (until !== null) throw new TooManyRequests(until);
    if (session) res.once('close', enter(state, session));

    const fault = faults.forCall('wasender', `${method} ${BASE}${path}`);
    if (fault === '429') return answerOverLimit(state, res, clock.now() + 1000);
    if (fault === '500') throw unexpected();
    if (fault === 'timeout') return hang(state, res);
    if (fault && route.method === 'get') {
      // Reading has no effect to come after.
      if (fault === 'after_effect_timeout') return hang(state, res);
      throw unexpected();
    }
    if (fault) failAfterEffect(state, res, fault === 'after_effect_timeout');
    if (route.linked && session && session.status !== 'connected') throw notConnected(state);
    next();
  };
}

function notConnected(state: State): WasenderError {
  return new WasenderError(state.variants.values.not_connected_status, 'Your WhatsApp session is not connected.');
}

/** Whose key it is; null for the personal access token. Throws 401. */
function authorize(state: State, req: Request, auth: Route['auth']): Session | null {
  const token = /^Bearer +(.+)$/i.exec(req.headers.authorization ?? '')?.[1];
  if (token === undefined) throw unauthorized('API key is required');
  const session = state.byKey.get(token) ?? null;
  const personal = token === PERSONAL_ACCESS_TOKEN;
  if (auth === 'session') {
    if (!session) throw unauthorized('Invalid API key');
    return session;
  }
  const keyWillDo = auth === 'either' || state.variants.values.session_key_on_pat_routes === 'accepted';
  if (personal || (session && keyWillDo)) return session;
  // The service's own spelling.
  throw unauthorized('Unnotarized');
}

function spellAnswers(state: State, res: Response): void {
  const json = res.json.bind(res);
  res.json = (body) => json(respell(body, state.variants.values.field_case));
}

function hang(state: State, res: Response): void {
  const timer = setTimeout(() => answerError(state, res, new WasenderError(504, 'Gateway Timeout')), HANG_MS);
  timer.unref();
  res.once('close', () => clearTimeout(timer));
}

/** Lets the route do its work, then answers 500 (or hangs) in place of its success. */
function failAfterEffect(state: State, res: Response, hanging: boolean): void {
  const send = res.send;
  res.send = (body) => {
    res.send = send;
    if (res.statusCode >= 400) return res.send(body);
    if (hanging) hang(state, res);
    else answerError(state, res, unexpected());
    return res;
  };
}
