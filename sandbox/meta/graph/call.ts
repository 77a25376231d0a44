import type { Request, Response } from 'express';
import { toRoute, type Route as ServerRoute, type RouteName, type RouteOptions } from '../../server/api.ts';
import { MetaError, noPermission } from '../errors.ts';
import type { State } from '../state.ts';
import { checkProof, tokenOf } from '../tokens.ts';
import type { Token } from '../types.ts';
import { paramsOf, type Params } from './params.ts';
import { servedVersion } from './version.ts';
import { takeUsage } from './usage.ts';

/** A call of the Graph API, its token checked. */
export interface Call {
  params: Params;
  /** Null on routes that need none. */
  token: Token | null;
  /** The first part of the path: an id, an alias, or empty. */
  node: string;
  method: string;
  /** Absolute, without its query. */
  url: string;
}

interface Options extends RouteOptions {
  /** Taken without a token. */
  open?: boolean;
}

export type Route = ServerRoute<Call> & Options;

/** `handle` returns the JSON answer. Throws MetaError. */
export function graphRoute(
  name: RouteName,
  handle: (call: Call, req: Request, res: Response) => unknown,
  options: Options = {},
): Route {
  return toRoute<Call, Options>(name, [options, async (req, res, call) => void res.json(await handle(call, req, res))]);
}

/** Reads a call, and checks token, proof and limits. Throws MetaError. */
export function admit(state: State, req: Request, res: Response, route: Route): Call {
  const host = `http://${req.headers.host}`;
  state.origin = host;
  const version = servedVersion(res);
  res.set('facebook-api-version', version);
  const params = paramsOf(req);
  const node = decodeURIComponent(req.path.split('/')[1] ?? '');
  const url = `${host}${req.originalUrl.split('?')[0]}`;
  const call: Call = { params, token: null, node, method: req.method, url };
  if (route.open) return call;
  const value = params.text('access_token') ?? /^(?:Bearer|OAuth) +(.+)$/i.exec(req.headers.authorization ?? '')?.[1];
  if (value === undefined) {
    throw new MetaError(2500, 'An active access token must be used to query information about the current user.');
  }
  const token = tokenOf(state, value);
  checkProof(state, token, params.text('appsecret_proof'));
  takeUsage(state, res, token, node);
  return { ...call, token };
}

/** The token of a call on a route that needs one. */
export function tokenIn({ token }: Call): Token {
  if (!token) throw new MetaError(190, 'Invalid OAuth access token.');
  return token;
}

/** Throws 200. */
export function requireScope(token: Token, ...anyOf: string[]): void {
  if (token.kind === 'app' || anyOf.some((scope) => token.scopes.has(scope))) return;
  throw noPermission(anyOf[0] ?? '');
}
