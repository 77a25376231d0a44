import { eventually } from './eventually.ts';

export interface Answer<T = any> {
  status: number;
  headers: Headers;
  body: T;
}

export interface ApiClient {
  url: string;
  key: string;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  patch(path: string, body?: unknown): Promise<Answer>;
  put(path: string, body?: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  /** Polls an account's attempt until its step is of one of these kinds. */
  step(accountId: string, ...kinds: string[]): Promise<any>;
  /** Polls an account until it is in that state. */
  account(accountId: string, state: string): Promise<any>;
}

export function createClient(url: string, key: string): ApiClient {
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: json && text ? JSON.parse(text) : text };
  };
  const client: ApiClient = {
    url,
    key,
    get: (path, headers) => call('GET', path, undefined, headers),
    post: (path, body = {}, headers) => call('POST', path, body, headers),
    patch: (path, body) => call('PATCH', path, body),
    put: (path, body) => call('PUT', path, body),
    delete: (path) => call('DELETE', path),
    step: (accountId, ...kinds) =>
      eventually(`a step ${kinds.join(' or ')}`, async () => {
        const { body } = await client.get(`/api/v1/accounts/${accountId}/attempt`);
        return kinds.includes(body.step?.kind) ? body : null;
      }),
    account: (accountId, state) =>
      eventually(`account state ${state}`, async () => {
        const { body } = await client.get(`/api/v1/accounts/${accountId}`);
        return body.state === state ? body : null;
      }),
  };
  return client;
}
