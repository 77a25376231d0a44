import { feedEnd, isWithinFeed, readFeed, type FeedPart, type FeedRequest } from '../../db/queries/events/read-feed.ts';
import type { Em } from '../../db/connect.ts';
import type { FeedPlace } from '../../domain/events.ts';
import { Problem } from '../problem.ts';

/** `end`: every event up to there is in the page, where there are not more. */
export type FeedPageRead = FeedPart & { end: FeedPlace };

/** The next page of a tenant's feed. Throws the problem `resync` where events after `after` are not kept. Tenant's role. */
export async function readPage(em: Em, tenantId: string, request: FeedRequest): Promise<FeedPageRead> {
  const end = await feedEnd(em);
  const part = await readFeed(em, tenantId, request);
  // After the page: what was dropped before it was read has its floor by now.
  if (request.after && !(await isWithinFeed(em, request.after))) throw new Problem('resync');
  return { ...part, end };
}
