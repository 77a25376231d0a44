import type { Cause } from './messages.ts';

/** What caused the signals and calls that a run took. */
export interface Causes {
  add(cause: Cause): void;
  /** The causes since the last call, each once, for a summary; empty where there are none. */
  take(): string;
  /** Every cause with how often it came, for the current details; empty where there are none. */
  all(): string;
}

export function createCauses(): Causes {
  const counts = new Map<Cause, number>();
  const fresh = new Set<Cause>();
  return {
    add: (cause) => {
      counts.set(cause, (counts.get(cause) ?? 0) + 1);
      fresh.add(cause);
    },
    take: () => {
      const causes = [...fresh].join(', ');
      fresh.clear();
      return causes;
    },
    all: () => [...counts].map(([cause, count]) => `${cause} ${count}`).join(', '),
  };
}
