import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import multer from 'multer';
import { answerErrors, FormExpected, type ApiError, type ErrorFormat } from './errors.ts';
import type { Shared } from './shared.ts';

export interface RouteOptions {
  olderPath?: string;
  /** `jsonBody`, `formBody(…)` or `fileBody`. Absent: the body is ignored. */
  body?: RequestHandler[];
  /** A GET that changes something: of other GETs the fault `after_effect` answers at once. */
  hasEffect?: boolean;
}

/** `caller` is the result of `admit`. */
type Handle<Caller> = (req: Request<Record<string, string>>, res: Response, caller: Caller) => unknown;

export interface Route<Caller> extends RouteOptions {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below the API's base; with it, the route's name in call counts and faults. */
  path: string;
  handle: Handle<Caller>;
}

export type RouteName = `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`;
export type RouteArgs<Caller, Options> = [handle: Handle<Caller>] | [options: Options, handle: Handle<Caller>];

export function toRoute<Caller, Options extends RouteOptions>(
  name: RouteName,
  args: RouteArgs<Caller, Options>,
): Route<Caller> & Options {
  const [method, path] = name.split(' ') as [string, string];
  const [options, handle] = args.length === 1 ? [{} as Options, args[0]] : args;
  return { ...options, method: method.toLowerCase() as Route<Caller>['method'], path, handle };
}

export interface Api<Caller, R extends Route<Caller>, E extends ApiError> {
  /** As in call counts, faults and variants. */
  provider: string;
  base: string;
  routes: R[];
  errors: ErrorFormat<E>;
  /** Checks key and rate limits, after the call is counted and before faults. Throws the provider's errors. */
  admit(req: Request, res: Response, route: R): Caller;
  /** Pages and files beside the API: neither counted nor subject to faults. */
  pages?(app: Express): void;
}

const HANG_MS = 35_000;

/** Each route runs behind counting, admission, faults and its body reader, in this order. */
export function createApi<Caller, R extends Route<Caller>, E extends ApiError>(
  shared: Shared,
  api: Api<Caller, R, E>,
): Express {
  const app = createApp();
  for (const route of api.routes) {
    for (const path of [route.path, route.olderPath].filter((one) => one !== undefined)) {
      const guard = guardOf(shared, api, route, api.base + path);
      app[route.method](api.base + path, guard, ...(route.body ?? []), (req: Request<Record<string, string>>, res) =>
        route.handle(req, res, res.locals['caller'] as Caller),
      );
    }
  }
  api.pages?.(app);
  app.use((req) => {
    shared.calls.count(api.provider, req.method, '(unknown)');
    throw api.errors.failures.route_not_found(`Route ${req.method} ${req.path}`);
  });
  app.use(answerErrors(api.errors));
  return app;
}

/** Adds nothing to the answers. */
export function createApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  return app;
}

function guardOf<Caller, R extends Route<Caller>, E extends ApiError>(
  { calls, clock, faults }: Shared,
  { provider, errors, admit }: Api<Caller, R, E>,
  route: R,
  path: string,
): RequestHandler {
  const method = route.method.toUpperCase();
  const hasEffect = route.hasEffect ?? route.method !== 'get';
  const hang = (res: Response): void => {
    const timer = setTimeout(() => errors.write(errors.failures.timeout(), res), HANG_MS);
    timer.unref();
    res.once('close', () => clearTimeout(timer));
  };
  /** Lets the route do its work, and answers later. */
  const delayAnswer = (res: Response, ms: number): void => {
    const { send } = res;
    res.send = (body) => {
      res.send = send;
      const timer = setTimeout(() => res.send(body), ms);
      res.once('close', () => clearTimeout(timer));
      return res;
    };
  };
  /** Lets the route do its work, then answers 500 (or hangs) in place of its success. */
  const failAfterEffect = (res: Response, hanging: boolean): void => {
    const send = res.send;
    res.send = (body) => {
      res.send = send;
      if (res.statusCode >= 400) return res.send(body);
      if (hanging) hang(res);
      else errors.write(errors.failures.unexpected(), res);
      return res;
    };
  };
  return (req, res, next) => {
    calls.count(provider, method, path);
    res.locals['caller'] = admit(req, res, route);
    const names = [`${method} ${path}`, `${method} ${req.path}`];
    const delay = faults.delayOf(provider, names);
    if (delay > 0) delayAnswer(res, delay);
    const fault = faults.forCall(provider, names);
    if (typeof fault === 'object' && fault !== null) throw errors.chosen?.(fault) ?? errors.failures.unexpected();
    if (fault === '429') throw errors.tooManyRequests(clock.now() + 1000);
    if (fault === 'timeout' || (fault === 'after_effect_timeout' && !hasEffect)) return hang(res);
    if (fault === '500' || (fault === 'after_effect' && !hasEffect)) throw errors.failures.unexpected();
    if (fault) failAfterEffect(res, fault === 'after_effect_timeout');
    next();
  };
}

export const jsonBody: RequestHandler[] = [express.json({ limit: '1mb' })];

/** JSON, or any other content type as bytes. */
export const fileBody: RequestHandler[] = [
  express.json({ limit: '140mb' }),
  express.raw({ limit: '100mb', type: () => true }),
];

/** `multipart/form-data`, its files in memory. */
export function formBody(maxFileBytes: number): RequestHandler[] {
  const read = multer({
    storage: multer.memoryStorage(),
    limits: { fileSize: maxFileBytes, files: 20, fields: 100, parts: 120 },
  }).any();
  return [
    (req, res, next) => {
      if (!req.is('multipart/form-data')) throw new FormExpected('This route takes multipart/form-data.');
      read(req, res, next);
    },
  ];
}
