import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, ApiClient } from '../support/client.ts';

/** `status` 0: no answer came. */
export interface RecordedRequest {
  at: number;
  what: string;
  status: number;
  code: string;
  retryAfter: boolean;
}

/** A request without a final answer within the time limit. */
export class NoAnswer extends Error {}

/** Repeats its requests, as a careful caller of this API does. */
export interface Caller {
  requests: RecordedRequest[];
  get(path: string): Promise<Answer>;
  /** Repeats until a final answer comes; `key`, an Idempotency-Key, makes repeats safe. */
  send(method: 'POST' | 'DELETE', path: string, body?: unknown, key?: string | null): Promise<Sent>;
}

interface Sent extends Answer {
  /** Requests without an answer before this one: without a key, each may have started an operation. */
  unanswered: number;
}

/** How long a request is repeated, in milliseconds. */
const limitMs = 120_000;
const pauseMs = 400;

export function createCaller(api: ApiClient): Caller {
  const requests: RecordedRequest[] = [];
  const repeat = async (what: string, ask: () => Promise<Answer>): Promise<Sent> => {
    const end = Date.now() + limitMs;
    for (let unanswered = 0; ;) {
      const at = Date.now();
      const answer = await ask().catch(() => null);
      const status = answer?.status ?? 0;
      const retryAfter = answer?.headers.get('retry-after') ?? null;
      requests.push({ at, what, status, code: answer?.body?.code ?? '', retryAfter: retryAfter !== null });
      const again = status === 0 || status >= 500 || status === 429 || answer?.body?.code === 'request_in_progress';
      if (answer && !again) return { ...answer, unanswered };
      if (status === 0 || status >= 500) unanswered += 1;
      if (Date.now() > end) throw new NoAnswer(`${what} was not answered within ${limitMs / 1_000} s`);
      await sleep(status === 429 ? Number(retryAfter ?? 1) * 1_000 : pauseMs);
    }
  };
  const pattern = (path: string): string => path.replaceAll(/[0-9a-f-]{36}/g, ':id').replace(/\?.*/, '');
  return {
    requests,
    get: (path) => repeat(`GET ${pattern(path)}`, () => api.get(path)),
    send: (method, path, body = {}, key = null) =>
      repeat(`${method} ${pattern(path)}`, () =>
        method === 'DELETE' ? api.delete(path) : api.post(path, body, key ? { 'idempotency-key': key } : undefined),
      ),
  };
}

export const newKey = (): string => randomUUID();
