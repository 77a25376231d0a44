import { setTimeout as pause } from 'node:timers/promises';
import { feedEnd, newestEvents } from '../../db/queries/events/read-feed.ts';
import { isAfter } from '../../domain/events.ts';
import { createShares } from '../../platform/shares.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { createFeedHead, type FeedHead } from './feed-head.ts';
import { readPage, type FeedPageRead } from './read-page.ts';

/** Milliseconds between two looks for new events. */
const everyMs = 200;
/** After this time a feed is read without a sign of new events: those of a transaction that was open for long show none. */
const unseenMs = 30_000;
/** Events of one read. */
const pageSize = 500;
/** Feeds that are read at once, and how long a read may wait for its turn, in milliseconds. */
const reads = { atOnce: 4, waitMs: 60_000 };

/** The head of a tenant's feed, for as long as a reader needs it. */
interface FeedLease {
  head: FeedHead;
  leave(): void;
}

/** The feeds that this process reads: one read of a tenant's new events serves all of its readers here. */
export interface FeedHub {
  enter(tenantId: string): Promise<FeedLease>;
  close(): Promise<void>;
}

interface Feed {
  opening: Promise<FeedHead>;
  /** Null until it is open. */
  head: FeedHead | null;
  readers: number;
  isReading: boolean;
}

/**
 * Looks for new events while there are readers: one statement for all tenants, then one read for each tenant that has some.
 * Writers announce nothing, since commits that announce wait for each other.
 */
export function createFeedHub({ db, clock, log, metrics }: Pick<Context, 'db' | 'clock' | 'log' | 'metrics'>): FeedHub {
  const feeds = new Map<string, Feed>();
  const stopped = new AbortController();
  const inTurn = createShares(reads.atOnce, Infinity, reads.waitMs);
  const running = new Set<Promise<void>>();

  const remove = (tenantId: string, feed: Feed): void => {
    if (feeds.get(tenantId) === feed) feeds.delete(tenantId);
  };
  const open = (tenantId: string): Feed => {
    const opening = db.tenant(tenantId, feedEnd).then((end) => (feed.head = createFeedHead(end)));
    const feed: Feed = { opening, head: null, readers: 0, isReading: false };
    opening.catch(() => remove(tenantId, feed));
    feeds.set(tenantId, feed);
    return feed;
  };

  /** Null where events after the newest one are not kept any more. */
  const nextPage = (tenantId: string, head: FeedHead): Promise<FeedPageRead | null> => {
    const request = { after: head.newest(), types: null, accountId: null, limit: pageSize };
    return inTurn('feeds', () => db.tenant(tenantId, (em) => readPage(em, tenantId, request))).catch(
      (error: unknown) => {
        if (error instanceof Problem && error.code === 'resync') return null;
        throw error;
      },
    );
  };
  const readOn = async (tenantId: string, feed: Feed, head: FeedHead): Promise<void> => {
    for (let more = true; more && feeds.get(tenantId) === feed && !stopped.signal.aborted;) {
      const page = await nextPage(tenantId, head);
      if (!page) {
        remove(tenantId, feed);
        await head.lose();
        return;
      }
      const now = clock.now().getTime();
      for (const { at } of page.items) metrics.feedLag.observe(Math.max(0, now - Date.parse(at)) / 1_000);
      await head.append(page.items);
      more = page.more;
    }
  };
  const begin = (tenantId: string, feed: Feed, head: FeedHead): void => {
    feed.isReading = true;
    const reading = readOn(tenantId, feed, head)
      .catch((error: unknown) => log.debug({ err: error }, 'could not read new events'))
      .finally(() => {
        feed.isReading = false;
        running.delete(reading);
      });
    running.add(reading);
  };
  const look = async (): Promise<void> => {
    const idle = [...feeds].flatMap(([tenantId, feed]) =>
      feed.head && !feed.isReading ? [{ tenantId, feed, head: feed.head }] : [],
    );
    if (!idle.length) return;
    const tenantIds = idle.map(({ tenantId }) => tenantId);
    const newest = await db.system((em) => newestEvents(em, tenantIds, clock.now()));
    const now = performance.now();
    for (const { tenantId, feed, head } of idle) {
      const found = newest.get(tenantId);
      const hasNews = found !== undefined && isAfter(found, head.newest());
      if (hasNews || now - head.readAt() > unseenMs) begin(tenantId, feed, head);
    }
  };
  const keepLooking = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await look().catch((error: unknown) => log.debug({ err: error }, 'could not look for new events'));
      await pause(everyMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
    }
  };
  const looking = keepLooking();
  return {
    enter: async (tenantId) => {
      const feed = feeds.get(tenantId) ?? open(tenantId);
      feed.readers += 1;
      let isIn = true;
      const leave = (): void => {
        if (!isIn) return;
        isIn = false;
        feed.readers -= 1;
        if (feed.readers === 0) remove(tenantId, feed);
      };
      try {
        return { head: await feed.opening, leave };
      } catch (error) {
        leave();
        throw error;
      }
    },
    close: async () => {
      stopped.abort();
      await looking;
      await Promise.all(running);
    },
  };
}
