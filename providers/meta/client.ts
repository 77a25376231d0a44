import { createHmac } from 'node:crypto';
import { ProviderFailure } from '../../domain/failures.ts';
import type { CallPressure } from '../contract/call.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import type { CredentialsCall, ProviderCall } from '../provider.ts';
import { createHttp, lostEffect, type HttpAnswer } from '../shared/http.ts';
import { flagIn, textIn } from '../shared/told-values.ts';
import { failureOf, type GraphFailure } from './errors.ts';
import { ruleOf } from './error-rules.ts';
import { appLimit, hostOf, limitedBy, type GraphHost } from './ids.ts';
import { appOf, serviceUrl, versionOf, type MetaService } from './settings.ts';
import { blockedUntil, pressuresIn } from './usage.ts';

const send = createHttp('Meta', 50 * 1024 * 1024);

/** What calls of an account and calls of the app alone have in common. */
export type GraphCall = CredentialsCall & Partial<Pick<ProviderCall, 'keys' | 'providerAccountId'>>;

type Method = 'GET' | 'POST' | 'DELETE';
type Query = Readonly<Record<string, string | undefined>>;

export interface GraphRequest {
  query?: Query;
  /** Sent as JSON; a `FormData` as multipart. */
  body?: JsonObject | FormData;
  /** In place of the account's own key. */
  token?: string;
  /** In place of the account's own. */
  host?: GraphHost;
}

/**
 * A call of the Graph API: `path` follows the version. The token goes in a header, so that no address holds it. Answers the
 * JSON object of a success. Throws `GraphFailure`.
 */
export async function graph(
  call: GraphCall,
  method: Method,
  path: string,
  request: GraphRequest = {},
): Promise<JsonObject> {
  const account = { keys: call.keys, providerAccountId: call.providerAccountId ?? null };
  const host = request.host ?? hostOf(account);
  const token = request.token ?? call.keys?.apiKey ?? '';
  if (!token) throw new ProviderFailure('login_lost', 'The account has no access token.');
  return exchange(call, {
    method,
    service: host,
    path: `/${versionOf(call.settings)}${path}`,
    query: { ...request.query, ...proofOf(call, host, token) },
    headers: { authorization: `Bearer ${token}` },
    body: request.body,
    by: 'account',
    of: limitedBy(account),
  });
}

interface AppRequest {
  method: Method;
  service: MetaService;
  /** With the version, where the call takes one. */
  path: string;
  query?: Query;
  body?: URLSearchParams;
  /** `code`: the call brings an owner's code; `account`: an owner's token. */
  by?: 'app' | 'code' | 'account';
}

/** A call that the app makes for itself, or that brings a code or a token as a parameter. Throws `GraphFailure`. */
export const appCall = (call: CredentialsCall, request: AppRequest): Promise<JsonObject> =>
  exchange(call, { ...request, by: request.by ?? 'app', headers: {}, of: [appLimit] });

/** A page of a list; `next` is what to give as `after` for the following one, null on the last page. */
export interface GraphPage {
  items: JsonObject[];
  next: string | null;
}

/**
 * A page of a list. Absolute addresses in the answer are never called: they hold the token, and another host's would get
 * it. Their cursor goes to our own address again. A page may be empty and not the last.
 */
export async function graphPage(
  call: GraphCall,
  path: string,
  after: string | null,
  request: Omit<GraphRequest, 'body'> = {},
): Promise<GraphPage> {
  const query = { ...request.query, ...(after !== null && { after }) };
  return pageOf(await graph(call, 'GET', path, { ...request, query }));
}

/** The list and its next cursor in an answer, or in a list inside of one. */
function pageOf(answer: JsonObject): GraphPage {
  const paging = asObject(answer['paging']);
  const items = asList(answer['data'])
    .map(asObject)
    .filter((one) => one !== null);
  return { items, next: paging?.['next'] === undefined ? null : cursorIn(paging) };
}

function cursorIn(paging: JsonObject): string | null {
  const after = textIn(asObject(paging['cursors'])?.['after']);
  const next = textIn(paging['next']);
  return after ?? (next !== null && URL.canParse(next) ? new URL(next).searchParams.get('after') : null);
}

/** Every item of a list, page after page. Throws where a page comes again. */
export async function* everyItem(
  call: GraphCall,
  path: string,
  request: Omit<GraphRequest, 'body'> = {},
): AsyncGenerator<JsonObject> {
  const seen = new Set<string>();
  let after: string | null = null;
  do {
    const { items, next }: GraphPage = await graphPage(call, path, after, request);
    yield* items;
    if (next !== null && seen.has(next))
      throw new ProviderFailure('provider_unavailable', 'Meta answered the same page of a list again.');
    if (next !== null) seen.add(next);
    after = next;
  } while (after !== null);
}

/** Whether an answer says success, which Meta writes as a flag or as a text. */
export const hasSucceeded = (answer: JsonObject): boolean => flagIn(answer['success']) === true;

/**
 * Shows that the app itself uses the token (HMAC-SHA256 of the token with the app's secret, in hexadecimal). Instagram's own
 * API has no such proof.
 */
function proofOf({ settings }: CredentialsCall, host: GraphHost, token: string): Query {
  const { secret } = appOf(settings, host);
  if (host !== 'facebook' || !secret) return {};
  return { appsecret_proof: createHmac('sha256', secret).update(token).digest('hex') };
}

interface Exchange {
  method: Method;
  service: MetaService;
  path: string;
  query?: Query;
  headers: Readonly<Record<string, string>>;
  body?: unknown;
  by: 'account' | 'app' | 'code';
  of: readonly string[];
}

async function exchange(call: CredentialsCall, request: Exchange): Promise<JsonObject> {
  const { method, service, path, headers, body, by, of } = request;
  const base = serviceUrl(call.settings, service);
  if (!base) throw new ProviderFailure('provider_not_configured', 'META_BASE_URL is not an https address.');
  await call.turn?.(call.signal, of);
  const answer = await send({
    method,
    url: base + path,
    headers: { ...headers, accept: 'application/json' },
    query: given(request.query ?? {}),
    body,
    signal: call.signal,
    reach: call.reach,
  });
  const lost = lostEffect(method);
  const pressures = pressuresIn(answer.headers, of, call.now);
  const failure = failureOf(answer, { lost, by, now: call.now, blockedUntil: blockedUntil(pressures) });
  await tell(call, pressures, failure, of);
  if (failure) throw failure;
  return objectOf(answer, lost);
}

const given = (query: Query): Record<string, string> =>
  Object.fromEntries(Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

/** What later calls must know: the usage that the headers tell, and a limit that was reached. */
async function tell(
  call: CredentialsCall,
  pressures: readonly CallPressure[],
  failure: GraphFailure | null,
  of: readonly string[],
): Promise<void> {
  const all = [...pressures, ...reachedBy(call, failure, of)];
  if (all.length) await call.report?.(all);
}

function reachedBy({ now }: CredentialsCall, failure: GraphFailure | null, of: readonly string[]): CallPressure[] {
  const rule = failure?.graph && ruleOf(failure.graph.code, failure.graph.subcode);
  if (!rule?.limits) return [];
  const until = now + (failure?.retryAfterMs ?? 0);
  return rule.limits === 'app'
    ? [{ of: null, percent: 100, until }]
    : of.slice(0, 1).map((one) => ({ of: one, percent: 100, until }));
}

function objectOf({ data }: HttpAnswer, lost: 'none' | 'unknown'): JsonObject {
  const body = asObject(data);
  if (body) return body;
  // Some edges answer a bare `true`.
  if (data === true) return { success: true };
  throw new ProviderFailure('provider_unavailable', 'Meta answered in an unknown shape.', { effect: lost });
}
