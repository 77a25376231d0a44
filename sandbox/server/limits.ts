import type { Clock } from '../world/clock.ts';

export interface LimitRule {
  limit: number;
  seconds: number;
}

/** Of the most restrictive rule. `resetAt` in epoch milliseconds. */
export interface Usage {
  limit: number;
  remaining: number;
  resetAt: number;
}

export interface Limits {
  /** Counts one call, unless it is refused until `retryAt`. Without rules `usage` is null. */
  take(key: string, rules: LimitRule[]): { usage: Usage | null; retryAt: number | null };
  reset(): void;
}

/** Fixed windows that begin with the first call in them. */
export function createLimits(clock: Clock): Limits {
  const windows = new Map<string, { start: number; used: number }>();
  return {
    take(key, rules) {
      const now = clock.now();
      const current = rules.map(({ limit, seconds }) => {
        const name = `${key} ${seconds}`;
        let window = windows.get(name);
        if (!window || now - window.start >= seconds * 1000) {
          window = { start: now, used: 0 };
          windows.set(name, window);
        }
        return { limit, window, resetAt: window.start + seconds * 1000 };
      });
      const full = current.filter(({ limit, window }) => window.used >= limit);
      const retryAt = full.length === 0 ? null : Math.max(...full.map((one) => one.resetAt));
      if (retryAt === null) for (const { window } of current) window.used++;
      const usages = (full.length > 0 ? full : current).map(({ limit, window, resetAt }): Usage => ({
        limit,
        remaining: Math.max(0, limit - window.used),
        resetAt,
      }));
      // The fewest calls left; of two used up, the one that lasts longer.
      const [usage = null] = usages.toSorted((a, b) => a.remaining - b.remaining || b.resetAt - a.resetAt);
      return { usage, retryAt };
    },
    reset: () => windows.clear(),
  };
}
