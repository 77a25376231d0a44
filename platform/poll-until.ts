import { setTimeout as pause } from 'node:timers/promises';

/** How often a waiting request looks into the database, in milliseconds. */
const lookEveryMs = 300;

/**
 * Looks until `done` or until `seconds` have passed; answers what was seen last. Holds no database connection
 * between two looks, and ends at once when the caller has gone.
 */
export async function pollUntil<T>(
  seconds: number,
  gone: AbortSignal,
  look: () => Promise<T>,
  done: (seen: T) => boolean,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    const left = end - performance.now();
    if (done(seen) || left <= 0 || gone.aborted) return seen;
    await pause(Math.min(lookEveryMs, left), undefined, { signal: gone }).catch(() => undefined);
  }
}
