import { setTimeout as pause } from 'node:timers/promises';

const pollEveryMs = 300;

/**
 * Polls until `done` or `seconds` have passed. Holds no database connection between polls; ends when the caller left.
 */
export async function pollUntil<T>(
  seconds: number,
  signal: AbortSignal,
  read: () => Promise<T>,
  done: (value: T) => boolean,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const value = await read();
    const left = end - performance.now();
    if (done(value) || left <= 0 || signal.aborted) return value;
    await pause(Math.min(pollEveryMs, left), undefined, { signal }).catch(() => undefined);
  }
}
