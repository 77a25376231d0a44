import http from 'node:http';
import https from 'node:https';
import axios, { type AxiosInstance } from 'axios';
import { ProviderFailure } from '../../domain/failures.ts';
import type { ProviderCall } from '../provider.ts';
import { answeredFailure, networkFailure } from './errors.ts';
import { asObject, field, text, type Json } from './fields.ts';
import { baseUrl, soleSessionKey } from './settings.ts';

const timeoutMs = 60_000;
/** An address book may come at once. */
const largestAnswer = 256 * 1024 * 1024;

const client: AxiosInstance = axios.create({
  timeout: timeoutMs,
  maxContentLength: largestAnswer,
  maxRedirects: 0,
  validateStatus: () => true,
  httpAgent: new http.Agent({ keepAlive: true }),
  httpsAgent: new https.Agent({ keepAlive: true }),
});

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

interface More {
  body?: Json;
  query?: Record<string, string>;
}

/** A call with the personal access token: everything under /whatsapp-sessions. Answers the whole body. */
export const askAccount = (call: ProviderCall, method: Method, path: string, more: More = {}): Promise<Json> =>
  request(call, call.settings.api_token ?? '', method, path, more);

/**
 * A call with the session's own key, which the account keeps. A key that no longer counts was made anew at WASender:
 * then the present one is asked for, once.
 */
export async function askSession(call: ProviderCall, method: Method, path: string, more: More = {}): Promise<Json> {
  const kept = soleSessionKey(call.settings) ?? call.keys?.apiKey;
  if (kept)
    try {
      return await request(call, kept, method, path, more);
    } catch (error) {
      const outdated = error instanceof ProviderFailure && error.code === 'provider_key_rejected';
      if (!outdated || kept === call.settings.api_token) throw error;
    }
  const session = dataOf(await askAccount(call, 'GET', `/whatsapp-sessions/${segment(call.providerAccountId)}`));
  const fresh = text(asObject(session), 'api_key');
  if (!fresh || fresh === kept)
    throw new ProviderFailure('provider_key_rejected', 'WASender refuses the key of its own session.');
  return request(call, fresh, method, path, more);
}

async function request(call: ProviderCall, key: string, method: Method, path: string, more: More): Promise<Json> {
  const base = baseUrl(call.settings);
  if (!base) throw new ProviderFailure('provider_not_configured', 'WASENDER_BASE_URL is not an https address.');
  const asked = { onServerError: method === 'GET' ? 'none' : 'unknown', now: call.now } as const;
  const answer = await client
    .request<unknown>({
      method,
      url: base + path,
      data: more.body,
      params: more.query,
      signal: call.signal,
      headers: { authorization: `Bearer ${key}`, accept: 'application/json' },
    })
    .catch((error: unknown) => {
      throw networkFailure(error, asked);
    });
  const failure = answeredFailure(answer, asked);
  if (failure) throw failure;
  if (answer.status === 204) return {};
  const body = asObject(answer.data);
  if (body) return body;
  throw new ProviderFailure('provider_unavailable', 'WASender answered in an unknown shape.', {
    effect: asked.onServerError,
  });
}

/** What an answer is about: its `data`, or the body itself where there is no envelope. */
export const dataOf = (body: Json): unknown => field(body, 'data') ?? body;

/** A path segment, encoded. What would lead to another path cannot be an id. */
export function segment(id: string | null): string {
  if (!id || id === '.' || id === '..') throw new ProviderFailure('not_found', 'This cannot be an id of WASender.');
  return encodeURIComponent(id);
}
