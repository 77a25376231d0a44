import http from 'node:http';
import https from 'node:https';
import axios, { type AxiosInstance } from 'axios';
import { ProviderFailure } from '../../domain/failures.ts';
import type { ProviderCall, ProviderSettings } from '../provider.ts';
import { toFailure } from './errors.ts';

/** A login at the provider's own service can take most of a minute. */
const timeoutMs = 60_000;
const agents = { httpAgent: new http.Agent({ keepAlive: true }), httpsAgent: new https.Agent({ keepAlive: true }) };

/** `dsn` as UniPile's dashboard shows it (`host:port`), or as an address. Plain http only on this machine. */
export function baseUrl(dsn: string): string | null {
  const text = /^https?:\/\//.test(dsn) ? dsn : `https://${dsn}`;
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.protocol === 'http:' && !['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) return null;
  return `${url.origin}/api/v1`;
}

const clients = new Map<string, AxiosInstance>();

function clientOf(settings: ProviderSettings): AxiosInstance {
  const base = baseUrl(settings.dsn ?? '');
  if (!base) throw new ProviderFailure('provider_not_configured', 'UNIPILE_DSN is not a host and port.');
  const found = clients.get(base);
  if (found) return found;
  const made = axios.create({
    baseURL: base,
    timeout: timeoutMs,
    maxContentLength: 50 * 1024 * 1024,
    maxRedirects: 0,
    ...agents,
  });
  clients.set(base, made);
  return made;
}

/** Whether a call brings an owner's password or code: a new login, a reconnection, the answer to a checkpoint. */
const carriesLogin = (method: string, path: string): boolean =>
  method === 'POST' && path.startsWith('/accounts') && !path.endsWith('/restart');

/**
 * One call to UniPile. Answers the body of any 2xx: a pending checkpoint is one too. Everything of UniPile's is a JSON
 * object, so that another text under a 2xx (a login page of some network, say) is a failure. Throws `ProviderFailure`.
 */
export async function request(
  call: ProviderCall,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
  query?: Record<string, string>,
): Promise<unknown> {
  const onServerError = method === 'GET' ? 'none' : 'unknown';
  const answer = await clientOf(call.settings)
    .request<unknown>({
      method,
      url: path,
      data: body,
      params: query,
      signal: call.signal,
      headers: { 'X-API-KEY': call.settings.access_token ?? '', accept: 'application/json' },
    })
    .catch((error: unknown) => {
      throw toFailure(error, { onServerError, carriesLogin: carriesLogin(method, path) });
    });
  if (isObject(answer.data) || (answer.data === '' && method === 'DELETE')) return answer.data;
  throw new ProviderFailure('provider_unavailable', 'UniPile answered in an unknown shape.', { effect: onServerError });
}

const isObject = (body: unknown): boolean => typeof body === 'object' && body !== null && !Array.isArray(body);

/** A path segment, encoded: ids are opaque. What would lead to another path cannot be an id. */
export function segment(id: string | null): string {
  if (!id || id === '.' || id === '..') throw new ProviderFailure('not_found', 'This cannot be an id of UniPile.');
  return encodeURIComponent(id);
}
