import { Worker } from 'node:worker_threads';
import type { ReadRequest } from '../../domain/webhook-events.ts';
import { createShares } from '../../platform/shares.ts';
import type { Provider, WebhookRequest } from '../../providers/provider.ts';
import { readRequest } from './read-request.ts';

/**
 * Longer bodies, in bytes, would keep the event loop from others: reading 5 MB takes up to 300 ms. Starting the thread takes
 * 800 ms, so that what Meta sends at once in usual days is read without it.
 */
const longestHere = 256_000;
/** Bodies of one share that wait for the thread, and for so long, in milliseconds. */
const waiting = { most: 20, ms: 10_000 };

/** Reads webhook requests, long ones in a thread of their own. */
export interface RequestReader {
  /**
   * As `readRequest`. Of each `share`, one long body is read at a time. Throws `ShareFullError` where too many wait, and the
   * thread's own error where it ended.
   */
  read(provider: Provider, request: WebhookRequest, sender: string | null, share: string): Promise<ReadRequest>;
  close(): Promise<void>;
}

/** What the thread is asked, and what it answers. */
export interface ThreadRequest {
  id: number;
  provider: string;
  sender: string | null;
  request: WebhookRequest;
}
export interface ThreadAnswer {
  id: number;
  read: ReadRequest;
}

interface Waiting {
  resolve(read: ReadRequest): void;
  reject(error: unknown): void;
}

/** `hasThread` is false where the providers are others than the installed ones: the thread knows those alone. */
export function createRequestReader(hasThread: boolean): RequestReader {
  const shares = createShares(1, waiting.most, waiting.ms);
  const open = new Map<number, Waiting>();
  let thread: Worker | undefined;
  let lastId = 0;

  function startThread(): Worker {
    const started = new Worker(new URL('./reader-thread.ts', import.meta.url));
    started.unref();
    started.on('message', ({ id, read }: ThreadAnswer) => {
      open.get(id)?.resolve(read);
      open.delete(id);
    });
    const fail = (error: unknown): void => {
      if (thread === started) thread = undefined;
      for (const one of open.values()) one.reject(error);
      open.clear();
    };
    started.on('error', fail).on('exit', () => fail(new Error('The thread that reads webhooks ended.')));
    return started;
  }

  const ask = (asked: Omit<ThreadRequest, 'id'>): Promise<ReadRequest> =>
    new Promise((resolve, reject) => {
      const id = (lastId += 1);
      open.set(id, { resolve, reject });
      thread ??= startThread();
      thread.postMessage({ id, ...asked } satisfies ThreadRequest);
    });

  return {
    read: async (provider, request, sender, share) =>
      request.raw.length > longestHere && hasThread
        ? shares(share, () => ask({ provider: provider.name, sender, request }))
        : readRequest(provider, request, sender),
    close: async () => {
      await thread?.terminate();
    },
  };
}
