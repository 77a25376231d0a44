import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { FeedRow } from '../../db/queries/events/read-feed.ts';
import { isAfter, type FeedPlace } from '../../domain/events.ts';

/** Events that are kept for readers at most, and for how long, in milliseconds. A reader that is further behind reads its own pages. */
const kept = { most: 1_000, forMs: 5_000 };
/** Readers that are woken at once. */
const wokenAtOnce = 250;

/** The newest events of one tenant, read once for all of its readers in this process. */
export interface FeedHead {
  /** All events between `floor` and `newest` are here. */
  floor(): FeedPlace;
  newest(): FeedPlace;
  /** When events were read last, by `performance.now()`. */
  readAt(): number;
  /** The events after a place that is not before the floor, oldest first. */
  after(place: FeedPlace): FeedRow[];
  /** Adds the events that come next, and wakes the readers, a part of them at once. */
  append(rows: readonly FeedRow[]): Promise<void>;
  /** Runs `resume` at the next change, once. Answers what takes it back. */
  wait(resume: () => void): () => void;
  /** Events between `newest` and what is kept now were dropped: readers must begin anew. */
  lose(): Promise<void>;
  isLost(): boolean;
}

/** `end`: where the feed ends now. */
export function createFeedHead(end: FeedPlace): FeedHead {
  let rows: { row: FeedRow; readAt: number }[] = [];
  let floor = end;
  let newest = end;
  let readAt = performance.now();
  let isLost = false;
  let waiting = new Set<() => void>();

  const wake = async (): Promise<void> => {
    const those = [...waiting];
    waiting = new Set();
    for (let n = 0; n < those.length; n += wokenAtOnce) {
      if (n > 0) await yieldToOthers();
      for (const resume of those.slice(n, n + wokenAtOnce)) resume();
    }
  };
  const trim = (): void => {
    const oldest = readAt - kept.forMs;
    const firstFresh = rows.findIndex((one) => one.readAt >= oldest);
    const dropped = Math.max(rows.length - kept.most, firstFresh < 0 ? rows.length : firstFresh);
    floor = rows[dropped - 1]?.row ?? floor;
    rows = rows.slice(dropped);
  };
  return {
    floor: () => floor,
    newest: () => newest,
    readAt: () => readAt,
    after: (place) => {
      const first = rows.findLastIndex(({ row }) => !isAfter(row, place)) + 1;
      return rows.slice(first).map(({ row }) => row);
    },
    append: async (more) => {
      readAt = performance.now();
      rows.push(...more.map((row) => ({ row, readAt })));
      newest = more.at(-1) ?? newest;
      trim();
      if (more.length) await wake();
    },
    wait: (resume) => {
      waiting.add(resume);
      return () => void waiting.delete(resume);
    },
    lose: () => {
      isLost = true;
      return wake();
    },
    isLost: () => isLost,
  };
}
