import type { Changes } from './changes.ts';

/** What a caller of a tenant waits for: `topics` of changes, for at most `seconds`, or until `gone` fires. */
export interface Wait {
  tenantId: string;
  topics: readonly string[];
  seconds: number;
  gone: AbortSignal;
}

/** Reads until `done` or the end of the wait, again whenever a topic was announced. Holds no database connection between. */
export async function pollUntil<T>(
  changes: Changes,
  { tenantId, topics, seconds, gone }: Wait,
  read: () => Promise<T>,
  done: (value: T) => boolean,
): Promise<T> {
  if (seconds === 0) return read();
  const end = performance.now() + seconds * 1000;
  // Before the first look: a change after it is announced.
  const watch = changes.watch(topics);
  try {
    for (;;) {
      const value = await changes.look(tenantId, read);
      const left = end - performance.now();
      if (done(value) || left <= 0 || gone.aborted) return value;
      await watch.next(left, gone);
    }
  } finally {
    watch.close();
  }
}
