import type { FeedRow } from '../../db/queries/events/read-feed.ts';
import { isAfter, type EventType, type FeedPlace } from '../../domain/events.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { readPage } from './read-page.ts';

/** The events that a reader wants; null: all. */
export interface FeedFilter {
  types: readonly EventType[] | null;
  accountId: string | null;
}

/** Where a reader of a tenant's feed begins: after a place, with the oldest event that is kept, or with what comes from now on. */
export interface FeedStart {
  tenantId: string;
  after: FeedPlace | 'oldest' | 'now';
  filter: FeedFilter;
}

/** Reads a tenant's feed on and on. */
export interface FeedReader {
  /** The last event that was looked at, also where the filter left it out; before the first the place where it began. */
  place(): FeedPlace | null;
  setFilter(filter: FeedFilter): void;
  /**
   * The next events that pass the filter, at most `limit`, once there are any; null after `close`. One call at a time. Throws
   * the problem `resync` where events after the place are not kept any more.
   */
  next(limit: number): Promise<FeedRow[] | null>;
  close(): void;
}

/**
 * Reads pages of its own until it has caught up with the tenant's other readers in this process, then what they share.
 * `isKnown`: events after the place are known to be kept.
 */
export async function openFeedReader(
  { db, changes, feed }: Pick<Context, 'db' | 'changes' | 'feed'>,
  { tenantId, after, ...start }: FeedStart,
  isKnown = false,
): Promise<FeedReader> {
  const { head, leave } = await feed.enter(tenantId);
  let { filter } = start;
  let place = after === 'now' ? head.newest() : after === 'oldest' ? null : after;
  /** Everything up to there was looked at. */
  let position = place;
  // A place that this process has not reached may be one of another database.
  let isChecked = isKnown || !position || !isAfter(position, head.newest());
  let isClosed = false;
  let wake = (): void => undefined;

  const ownPage = async (limit: number): Promise<FeedRow[]> => {
    const request = { after: position, ...filter, limit };
    const { items, last, more, end } = await changes.look(tenantId, () =>
      db.tenant(tenantId, (em) => readPage(em, tenantId, request)),
    );
    isChecked = true;
    place = last ?? place;
    position = last && (more || isAfter(last, end)) ? last : end;
    return items;
  };
  const sharedPage = (from: FeedPlace, limit: number): FeedRow[] => {
    const rows = head.after(from);
    const found = rows.filter(passes(filter)).slice(0, limit);
    place = (found.length === limit ? found : rows).at(-1) ?? place;
    position = rows.length ? place : from;
    return found;
  };
  const change = (): Promise<void> =>
    new Promise((resolve) => {
      const unwait = head.wait(resolve);
      wake = () => {
        unwait();
        resolve();
      };
    });
  return {
    place: () => place,
    setFilter: (wanted) => {
      filter = wanted;
    },
    next: async (limit) => {
      while (!isClosed) {
        if (head.isLost()) throw new Problem('resync');
        const isBehind = !isChecked || position === null || isAfter(head.floor(), position);
        const items = position === null || isBehind ? await ownPage(limit) : sharedPage(position, limit);
        if (items.length && !isClosed) return items;
        if (!isBehind) await change();
      }
      return null;
    },
    close: () => {
      isClosed = true;
      wake();
      leave();
    },
  };
}

const passes =
  ({ types, accountId }: FeedFilter) =>
  (row: FeedRow): boolean =>
    (types === null || types.includes(row.type)) && (accountId === null || row.accountId === accountId);
