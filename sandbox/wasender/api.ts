import type { Request, Response } from 'express';
import {
  toRoute,
  type Route as ServerRoute,
  type RouteArgs,
  type RouteName,
  type RouteOptions,
} from '../server/api.ts';
import type { LimitRule, Usage } from '../server/limits.ts';
import { tooManyRequests, unauthorized, WasenderError } from './errors.ts';
import { enter, type Session, type State } from './state.ts';
import type { WasenderVariants } from './variants.ts';
import { renameFields } from './webhooks.ts';

const PERSONAL_ACCESS_TOKEN = '1|sandbox-pat';

/** Routes with limits of their own; all others are `other`. */
type Bucket = 'send' | 'group' | 'picture' | 'on_whatsapp' | 'contacts' | 'other';

interface Options extends RouteOptions {
  bucket?: Bucket;
  /** The field of a failure's text; `message` by default. */
  errorField?: 'message' | 'error';
}

/** `Caller` is the key's session; null for a personal access token. */
export interface Route extends ServerRoute<Session | null>, Options {
  auth: 'pat' | 'session';
}

export const patRoute = (name: RouteName, ...args: RouteArgs<Session | null, Options>): Route => ({
  ...toRoute(name, args),
  auth: 'pat',
});

/** `linked`: refused while no phone is linked. */
type SessionOptions = Options & { linked?: boolean };

/** Routes behind a session's key, with default options. */
export const sessionRouter =
  (state: State, defaults: SessionOptions = {}) =>
  (name: RouteName, ...args: RouteArgs<Session, SessionOptions>): Route => {
    const { linked, handle, ...route } = { ...defaults, ...toRoute(name, args) };
    return {
      ...route,
      auth: 'session',
      handle(req, res, session) {
        if (linked && session!.status !== 'connected') {
          const { not_connected_status: status } = state.variants.values;
          throw new WasenderError(status, 'Your WhatsApp session is not connected.');
        }
        return handle(req, res, session!);
      },
    };
  };

export function answer(res: Response, data: unknown, status = 200): void {
  res.status(status).json({ success: true, data });
}

/** Checks key, limits and concurrent calls. */
export function admit(state: State, req: Request, res: Response, route: Route): Session | null {
  state.origin = `http://${req.headers.host}`;
  res.locals['errorField'] = route.errorField ?? 'message';
  const json = res.json.bind(res);
  res.json = (body) => json(renameFields(body, state.variants.values.field_case));

  const session = authorize(state, req, route.auth);
  const subject = session ? `session ${session.id}` : 'pat';
  const rules = rulesFor(route.bucket ?? 'other', session, state.variants.values);
  const key = `${subject} ${route.method.toUpperCase()} ${route.path}`;
  const { usage, retryAt } = state.limits.take(key, rules);
  setLimitHeaders(state, res, usage);
  if (retryAt !== null) throw tooManyRequests(retryAt);
  if (session) res.once('close', enter(state, session));
  return session;
}

/** Null for the personal access token. Throws 401. */
function authorize(state: State, req: Request, auth: Route['auth']): Session | null {
  const token = /^Bearer +(.+)$/i.exec(req.headers.authorization ?? '')?.[1];
  if (token === undefined) throw unauthorized('API key is required');
  const session = state.byKey.get(token) ?? null;
  if (auth === 'session') {
    if (!session) throw unauthorized('Invalid API key');
    return session;
  }
  const acceptsSession = state.variants.values.session_key_on_pat_routes === 'accepted';
  if (token === PERSONAL_ACCESS_TOKEN || (session && acceptsSession)) return session;
  // The real service spells it so.
  throw unauthorized('Unnotarized');
}

const MINUTE = 60;
const DAY = 86_400;
/** Shown in the headers where no limit is enforced. */
const NOMINAL_LIMIT = 1000;

function setLimitHeaders(state: State, res: Response, usage: Usage | null): void {
  const now = state.shared.clock.now();
  const nominal = { limit: NOMINAL_LIMIT, remaining: NOMINAL_LIMIT - 1, resetAt: now + MINUTE * 1000 };
  const { limit, remaining, resetAt } = usage ?? nominal;
  const countdown = state.variants.values.reset_unit === 'seconds';
  res.set({
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(Math.ceil((countdown ? resetAt - now : resetAt) / 1000)),
  });
}

function rulesFor(bucket: Bucket, session: Session | null, variants: WasenderVariants): LimitRule[] {
  if (!variants.limits) return [];
  const rules: Record<Bucket, [limit: number | null, seconds: number][]> = {
    send: sendRules(session, variants),
    group: [
      [variants.group_per_minute, MINUTE],
      [variants.group_per_day, DAY],
    ],
    picture: [
      [variants.picture_per_minute, MINUTE],
      [variants.picture_per_day, DAY],
    ],
    on_whatsapp: [
      [variants.on_whatsapp_per_minute, MINUTE],
      [variants.on_whatsapp_per_day, DAY],
    ],
    contacts: [[variants.contacts_per_minute, MINUTE]],
    other: [[variants.other_per_minute, MINUTE]],
  };
  return rules[bucket].flatMap(([limit, seconds]) => (limit === null ? [] : [{ limit, seconds }]));
}

function sendRules(session: Session | null, { plan }: WasenderVariants): [limit: number, seconds: number][] {
  const protection: [number, number][] = session?.settings.account_protection ? [[1, 5]] : [];
  if (plan === 'paid') return [...protection, [256, MINUTE]];
  return [...protection, [1, MINUTE], [50, DAY]];
}
