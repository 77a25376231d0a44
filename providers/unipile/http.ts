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

/** One call to UniPile. Answers the body of any 2xx: a pending checkpoint is one too. Throws `ProviderFailure`. */
export async function request(
  call: ProviderCall,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
  query?: Record<string, string>,
): Promise<unknown> {
  try {
    const answer = await clientOf(call.settings).request<unknown>({
      method,
      url: path,
      data: body,
      params: query,
      signal: call.signal,
      headers: { 'X-API-KEY': call.settings.access_token ?? '', accept: 'application/json' },
    });
    return answer.data;
  } catch (error) {
    throw toFailure(error, method === 'GET' ? 'none' : 'unknown');
  }
}

/** A path segment, encoded: ids are opaque. */
export const segment = encodeURIComponent;
