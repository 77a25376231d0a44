/** The longest rest, in milliseconds. */
const longestMs = 3_600_000;

/** What is known of one thing that was moved before. */
interface Entry {
  mark: string;
  tries: number;
  dueAt: number;
  pass: number;
}

/** Lets a repair rest that did not help: after each try twice as long, from `baseMs` to an hour. */
export interface BackOff {
  /** Whether to try now, and if so counts the try. A new `mark` says that something else is stalled: due at once. */
  take(id: string, mark: string, now: number): boolean;
  /** A pass over everything stalled has ended: forgets what it did not meet. */
  endPass(): void;
}

export function createBackOff(baseMs: number): BackOff {
  const entries = new Map<string, Entry>();
  let pass = 0;
  return {
    take: (id, mark, now) => {
      const known = entries.get(id);
      const before = known?.mark === mark ? known : null;
      if (before && now < before.dueAt) {
        before.pass = pass;
        return false;
      }
      const tries = before?.tries ?? 0;
      // Half a round earlier: rounds are not exactly `baseMs` apart.
      const rest = Math.min(baseMs * 2 ** tries, longestMs) - baseMs / 2;
      entries.set(id, { mark, tries: tries + 1, dueAt: now + rest, pass });
      return true;
    },
    endPass: () => {
      for (const [id, entry] of entries) if (entry.pass !== pass) entries.delete(id);
      pass += 1;
    },
  };
}
