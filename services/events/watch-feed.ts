import { setTimeout as pause } from 'node:timers/promises';
import { changeTopics } from '../../domain/change-topics.ts';
import { newestEvents } from '../../db/queries/events/read-feed.ts';
import type { Context } from '../context.ts';

/** Milliseconds between two looks while anything waits. */
const everyMs = 200;

/**
 * Wakes what waits for events in this process: one statement looks for the tenants of all waiters, and none is sent while
 * nothing waits. Writers announce nothing: commits that announce wait for each other.
 */
export function watchFeed({ db, changes, clock, log }: Pick<Context, 'db' | 'changes' | 'clock' | 'log'>): {
  close(): Promise<void>;
} {
  const stopped = new AbortController();
  const prefix = changeTopics.events('');
  let seen = new Map<string, string>();
  const look = async (): Promise<void> => {
    const tenants = changes.watched(prefix).map((topic) => topic.slice(prefix.length));
    if (!tenants.length) {
      seen = new Map();
      return;
    }
    const newest = await db.system((em) => newestEvents(em, tenants, clock.now()));
    const before = seen;
    seen = new Map(newest.map(({ tenantId, place }) => [tenantId, place]));
    for (const [tenantId, place] of seen)
      if (before.get(tenantId) !== place) changes.announce(changeTopics.events(tenantId));
  };
  const keepLooking = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      // What waits looks by itself, too.
      await look().catch((error: unknown) => log.debug({ err: error }, 'could not look for new events'));
      await pause(everyMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
    }
  };
  const ended = keepLooking();
  return {
    close: async () => {
      stopped.abort();
      await ended;
    },
  };
}
