import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Networks } from '../../domain/public-address.ts';
import { createPublicAgents } from './public-agents.ts';

interface PostRequest {
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** How long the whole call may take, in milliseconds. */
  withinMs: number;
  /** Ends the call before its time, as `timeout`. */
  signal: AbortSignal;
}

export interface PostAnswer {
  /** Null where no answer came. */
  status: number | null;
  /** The beginning of the answer's body, at most 1,024 bytes. */
  body: Buffer;
  /** Why no answer came. A closed port, an unknown name and an address inside are one: a caller must not learn of this network. */
  error: 'no_connection' | 'timeout' | null;
  tookMs: number;
}

/** Posts to an address that a tenant named. Connections are kept, redirects are not followed; it never throws. */
export type Post = (request: PostRequest) => Promise<PostAnswer>;

const keptBytes = 1_024;
/** A connection whose answer is longer is closed, not read to its end, in bytes. */
const mostBytes = 64 * 1_024;
/** Kept connections that the receiver has closed meanwhile; then a new one is made. */
const mostStale = 3;

/** Posts to hosts of the internet and to `networks`: each connection is checked, and none goes by a proxy. */
export function createPost(networks: Networks, agents = createPublicAgents(undefined, networks)): Post {
  return async (request) => {
    const started = performance.now();
    for (let tries = 0; ; tries += 1) {
      const { isStale, ...answer } = await postOnce(request, started, agents);
      if (!isStale || tries === mostStale) return { ...answer, tookMs: Math.round(performance.now() - started) };
    }
  };
}

type Once = Omit<PostAnswer, 'tookMs'> & {
  /** A kept connection was closed before anything was answered: nothing is known of the receiver. */
  isStale: boolean;
};

function postOnce(
  { url, headers, body, withinMs, signal }: PostRequest,
  started: number,
  { httpAgent, httpsAgent }: ReturnType<typeof createPublicAgents>,
): Promise<Once> {
  return new Promise((resolve) => {
    const isSecure = url.protocol === 'https:';
    const request = (isSecure ? https : http).request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      agent: isSecure ? httpsAgent : httpAgent,
    });
    let answer: IncomingMessage | null = null;
    let isLate = false;
    const parts: Buffer[] = [];
    let size = 0;
    const giveUp = (): void => {
      isLate = true;
      request.destroy();
      end();
    };
    const timer = setTimeout(giveUp, Math.max(1, withinMs - (performance.now() - started)));
    signal.addEventListener('abort', giveUp);
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      resolve({
        status: answer?.statusCode ?? null,
        body: Buffer.concat(parts).subarray(0, keptBytes),
        error: answer ? null : isLate ? 'timeout' : 'no_connection',
        isStale: !answer && !isLate && request.reusedSocket,
      });
    };
    request.on('response', (response) => {
      answer = response;
      response.on('data', (part: Buffer) => {
        if (size < keptBytes) parts.push(part);
        size += part.length;
        if (size > mostBytes) request.destroy();
      });
      response.on('error', () => undefined).on('close', end);
    });
    request.on('error', () => {
      if (!answer) end();
    });
    if (signal.aborted) giveUp();
    request.end(body);
  });
}
