import { feedEnd, type FeedRow } from '../../db/queries/events/read-feed.ts';
import { eventId } from '../../domain/events.ts';
import type { Context } from '../context.ts';
import { openFeedReader, type FeedStart } from './feed-reader.ts';
import { feedStart, type WantedEvents } from './feed-start.ts';
import { readPage } from './read-page.ts';

/** What a reader asks the feed for. */
export interface FeedQuery extends WantedEvents {
  /** The cursor of an earlier answer, or an event's id; `now` for what comes from now on; without it what is kept. */
  after: string | undefined;
  limit: number;
  /** Seconds to wait for the first event. */
  wait: number;
}

export interface FeedPage {
  items: FeedRow[];
  /** The cursor for the next page. */
  next: string;
}

/**
 * The next events of a tenant. Throws the problems `resync`, where the cursor is older than what is kept, `invalid_request`
 * for what is no cursor, and `not_found` for an account that is not the tenant's.
 */
export async function readEvents(
  context: Context,
  tenantId: string,
  { limit, wait, ...wanted }: FeedQuery,
  gone: AbortSignal,
): Promise<FeedPage> {
  const { db, changes } = context;
  const { after, filter } = await feedStart(context, tenantId, wanted);
  const look = () =>
    db.tenant(tenantId, async (em) => {
      const from = after === 'now' ? await feedEnd(em) : after === 'oldest' ? null : after;
      const page = await readPage(em, tenantId, { after: from, ...filter, limit });
      return { ...page, place: page.last ?? from ?? page.end };
    });
  const { items, more, place } = await (wait > 0 ? changes.look(tenantId, look) : look());
  if (items.length || more || wait === 0) return { items, next: eventId(place) };
  return nextEvents(context, { tenantId, after: place, filter }, { limit, wait }, gone);
}

/** Waits with the tenant's other readers. */
async function nextEvents(
  context: Context,
  start: FeedStart,
  { limit, wait }: Pick<FeedQuery, 'limit' | 'wait'>,
  gone: AbortSignal,
): Promise<FeedPage> {
  const reader = await openFeedReader(context, start, true);
  const timer = setTimeout(reader.close, wait * 1_000);
  gone.addEventListener('abort', reader.close);
  try {
    if (gone.aborted) reader.close();
    const items = (await reader.next(limit)) ?? [];
    const place = reader.place();
    if (!place) throw new Error('A reader that began at a place has one.');
    return { items, next: eventId(place) };
  } finally {
    clearTimeout(timer);
    gone.removeEventListener('abort', reader.close);
    reader.close();
  }
}
