import { changeTopics } from '../../domain/change-topics.ts';
import { eventId, placeOf, type EventType, type FeedPlace } from '../../domain/events.ts';
import { feedEnd, isWithinFeed, readFeed, type FeedRow } from '../../db/queries/events/read-feed.ts';
import type { Em } from '../../db/connect.ts';
import { pollUntil } from '../../platform/poll-until.ts';
import { anyAccount } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';

/** What a reader asks the feed for. */
export interface FeedQuery {
  /** The cursor of an earlier answer, or an event's id; `now` for what comes from now on; without it what is kept. */
  after?: string | undefined;
  types?: readonly EventType[] | undefined;
  account?: string | undefined;
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
  { after, types = [], account, limit, wait }: FeedQuery,
  gone: AbortSignal,
): Promise<FeedPage> {
  const { db, changes } = context;
  let from: FeedPlace | null = null;
  let accountId: string | null = null;
  let isFirst = true;
  const look = () =>
    db.tenant(tenantId, async (em) => {
      if (isFirst) {
        from = await placeOrProblem(em, after);
        accountId = account === undefined ? null : (await anyAccount(em, account)).id;
        isFirst = false;
      }
      const end = from ?? (await feedEnd(em));
      const part = await readFeed(em, tenantId, { after: from, types: types.length ? types : null, accountId, limit });
      // What a filter left out is not read again.
      from = part.last ?? end;
      return { ...part, next: eventId(from) };
    });
  const wanted = { tenantId, topics: [changeTopics.events(tenantId)], seconds: wait, gone };
  const { items, next } = await pollUntil(changes, wanted, look, (part) => part.more || part.items.length > 0);
  return { items, next };
}

/** Null: from the oldest event that is kept. */
async function placeOrProblem(em: Em, after: string | undefined): Promise<FeedPlace | null> {
  if (after === undefined) return null;
  if (after === 'now') return feedEnd(em);
  const place = placeOf(after);
  if (!place) throw new Problem('invalid_request', 'after: must be the next of an answer, the id of an event, or now.');
  if (!(await isWithinFeed(em, place))) throw new Problem('resync');
  return place;
}
