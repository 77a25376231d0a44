import http from 'node:http';
import https from 'node:https';
import axios from 'axios';
import { ProviderFailure } from '../../domain/failures.ts';
import { networkFailure } from './errors.ts';

/** A login at the provider's own service can take most of a minute. */
const timeoutMs = 60_000;
const agents = { httpAgent: new http.Agent({ keepAlive: true }), httpsAgent: new https.Agent({ keepAlive: true }) };

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  url: string;
  headers: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

/** An answer whatever its status; `data` is JSON where the body is, else text. Header names are in lower case. */
export interface HttpAnswer {
  status: number;
  data: unknown;
  headers: Readonly<Record<string, unknown>>;
}

/** What a lost answer leaves open: reading has no effect. */
export const lostEffect = (method: HttpRequest['method']): 'none' | 'unknown' =>
  method === 'GET' ? 'none' : 'unknown';

/**
 * Sends requests to one provider (`title`, for messages): connections are kept, redirects are not followed, an answer is
 * at most `largestAnswer` bytes. Throws `ProviderFailure` where no answer came.
 */
export function createHttp(title: string, largestAnswer: number): (request: HttpRequest) => Promise<HttpAnswer> {
  const client = axios.create({
    timeout: timeoutMs,
    maxContentLength: largestAnswer,
    maxRedirects: 0,
    validateStatus: () => true,
    ...agents,
  });
  return ({ method, url, headers, query, body, signal }) =>
    client
      .request<unknown>({ method, url, data: body, params: query, signal, headers: { ...headers } })
      .catch((error: unknown) => {
        throw networkFailure(title, error, lostEffect(method));
      });
}

/** An id as a path segment, encoded: ids are opaque. Throws `not_found` for what would lead to another path. */
export function pathSegment(title: string, id: string | null): string {
  if (!id || id === '.' || id === '..') throw new ProviderFailure('not_found', `This cannot be an id of ${title}.`);
  return encodeURIComponent(id);
}
