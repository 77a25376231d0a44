import { setTimeout as pause } from 'node:timers/promises';
import { createShares, type Shares } from './shares.ts';

/** What one caller waits for. */
interface Watch {
  /**
   * Resolves once a topic was announced since the last call or since `watch`, at the latest after `mostMs`, when `gone`
   * fires, or when it is time to look without an announcement.
   */
  next(mostMs: number, gone: AbortSignal): Promise<void>;
  close(): void;
}

/** Wakes what waits in this process for a change. An announcement is only a hint: a waiter that is woken reads again. */
export interface Changes {
  watch(topics: readonly string[]): Watch;
  /** Runs the looks of those that wait, a few of each tenant at once, however many are woken or end together. */
  look: Shares;
  announce(topic: string): void;
  announceAll(): void;
  /** Says whether announcements arrive. What waits looks by itself seldom while they do, and often while they do not. */
  setLive(live: boolean): void;
}

/** Milliseconds in which the announcements for a caller that waits for several things are gathered. */
const gatherMs = 200;
/** Milliseconds between two looks while announcements arrive: one may be lost. */
const liveMs = 8_000;
/** The same while they do not: in all, the process looks about a hundred times a second. */
const blindMs = { least: 400, most: 5_000, each: 10 };

/** Looks of one tenant at once, and how long one may wait for its turn, in milliseconds. */
const looks = { atOnce: 3, waitMs: 60_000 };

/** Nothing is announced until the first `setLive`. */
export function createChanges(): Changes {
  const waiting = new Set<() => void>();
  const byTopic = new Map<string, Set<() => void>>();
  let live = false;

  const wake = (those: Iterable<() => void>): void => {
    for (const one of those) one();
  };
  const lookAgainMs = (): number => {
    const { least, most, each } = blindMs;
    const ms = live ? liveMs : Math.min(most, Math.max(least, waiting.size * each));
    return ms * (0.8 + 0.4 * Math.random());
  };

  return {
    watch: (topics) => {
      let changed = false;
      let resume = (): void => undefined;
      const notice = (): void => {
        changed = true;
        resume();
      };
      waiting.add(notice);
      for (const topic of topics) {
        const those = byTopic.get(topic) ?? new Set();
        byTopic.set(topic, those.add(notice));
      }
      return {
        next: async (mostMs, gone) => {
          if (!changed && !gone.aborted)
            await new Promise<void>((resolve) => {
              const timer = setTimeout(() => resume(), Math.min(mostMs, lookAgainMs()));
              resume = () => {
                clearTimeout(timer);
                gone.removeEventListener('abort', resume);
                resume = () => undefined;
                resolve();
              };
              gone.addEventListener('abort', resume);
            });
          if (changed && topics.length > 1)
            await pause(Math.min(mostMs, gatherMs), undefined, { signal: gone }).catch(() => undefined);
          changed = false;
        },
        close: () => {
          waiting.delete(notice);
          for (const topic of topics) {
            const those = byTopic.get(topic);
            those?.delete(notice);
            if (those?.size === 0) byTopic.delete(topic);
          }
        },
      };
    },
    look: createShares(looks.atOnce, Infinity, looks.waitMs),
    announce: (topic) => wake(byTopic.get(topic) ?? []),
    announceAll: () => wake(waiting),
    setLive: (now) => {
      if (now === live) return;
      live = now;
      // Announcements may have been lost meanwhile, and the next look comes at another time.
      wake(waiting);
    },
  };
}
