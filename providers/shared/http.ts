import http from 'node:http';
import https from 'node:https';
import axios from 'axios';
import { ProviderFailure } from '../../domain/failures.ts';
import type { Reach } from '../contract/call.ts';
import { networkFailure } from './errors.ts';
import { createPublicAgents, requirePublicHost } from './public-agents.ts';
import { thisMachine } from './settings.ts';

/** A login at the provider's own service can take most of a minute. */
export const timeoutMs = 60_000;
const agents = {
  any: { httpAgent: new http.Agent({ keepAlive: true }), httpsAgent: new https.Agent({ keepAlive: true }) },
  public: createPublicAgents(),
} satisfies Record<Reach, object>;

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  headers: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  /** Sent as JSON; a `FormData` as multipart, a `Blob` as its bytes with its type. */
  body?: unknown;
  reach: Reach;
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

/** How an address is connected to. Throws for a host that is surely none of the internet, where only those may be reached. */
export function connectionTo(url: string, reach: Reach): object {
  const { hostname } = new URL(url);
  // The environment's proxy takes the agent's place, and resolves names itself.
  if (reach === 'public') requirePublicHost(hostname);
  return { proxy: thisMachine.includes(hostname) ? false : undefined, ...agents[reach] };
}

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
  });
  return async ({ method, url, headers, query, body, reach, signal }) => {
    try {
      const sent = { method, url, data: body, params: query, signal, headers: { ...headers } };
      return await client.request<unknown>({ ...sent, ...connectionTo(url, reach) });
    } catch (error) {
      throw networkFailure(title, error, lostEffect(method));
    }
  };
}

/** An id as a path segment, encoded: ids are opaque. Throws `not_found` for what would lead to another path. */
export function pathSegment(title: string, id: string | null): string {
  if (!id || id === '.' || id === '..') throw new ProviderFailure('not_found', `This cannot be an id of ${title}.`);
  return encodeURIComponent(id);
}
