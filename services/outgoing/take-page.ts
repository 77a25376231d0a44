import { eventId, toldData, type FeedPlace } from '../../domain/events.ts';
import { giveUpMs, laneOf } from '../../domain/deliveries.ts';
import type { Em } from '../../db/connect.ts';
import { feedEnd, isWithinFeed, readFeed, type FeedRow } from '../../db/queries/events/read-feed.ts';
import { lockLeased, moveEndpoint, type LeasedEndpoint } from '../../db/queries/outgoing/lease-endpoints.ts';
import { insertDeliveries, type PendingDelivery } from '../../db/queries/outgoing/pending-deliveries.ts';
import { newId } from '../../platform/ids.ts';

/** What came of a page of the feed; null: this worker may not deliver to the endpoint any more, or its settings changed. */
type TakenPage = {
  deliveries: PendingDelivery[];
  /** The feed goes on after the page. */
  more: boolean;
  /** Deliveries were queued again meanwhile: what waits must be read anew. */
  isRequeued: boolean;
} | null;

/** Makes deliveries of the next events for an endpoint, and moves its place in the feed with them. Tenant's role. */
export async function takePage(
  em: Em,
  workerId: string,
  { id, tenantId, types, accounts, version }: LeasedEndpoint,
  limit: number,
  now: Date,
): Promise<TakenPage> {
  const row = await lockLeased(em, workerId, id);
  if (row?.version !== version) return null;
  const { place, isRequeued } = row;
  if (!(await isWithinFeed(em, place))) {
    const end = await feedEnd(em);
    const resync = deliveryOf(end, { type: 'resync', accountId: null, data: {}, at: now.toISOString(), lane: id }, now);
    await insertDeliveries(em, tenantId, id, [resync]);
    await moveEndpoint(em, id, end);
    return { deliveries: [resync], more: true, isRequeued };
  }
  const [only, ...others] = accounts ?? [];
  const accountId = only !== undefined && !others.length ? only : null;
  const { items, last, more } = await readFeed(em, tenantId, { after: place, types, accountId, limit });
  const wanted = accounts ? items.filter(({ accountId: of }) => of !== null && accounts.includes(of)) : items;
  const deliveries = wanted.map((item) =>
    deliveryOf(item, { ...item, lane: laneOf(item.accountId ?? tenantId, item.data) }, now),
  );
  await insertDeliveries(em, tenantId, id, deliveries);
  if (last || isRequeued) await moveEndpoint(em, id, last ?? place);
  return { deliveries, more, isRequeued };
}

interface Event extends Pick<FeedRow, 'data' | 'at'> {
  type: string;
  accountId: string | null;
  lane: string;
}

const deliveryOf = (
  { stamp, seq }: FeedPlace,
  { type, accountId, data, at, lane }: Event,
  now: Date,
): PendingDelivery => ({
  id: newId(),
  createdAt: now.toISOString(),
  stamp,
  seq,
  lane,
  type,
  accountId,
  data,
  eventAt: at,
  tries: 0,
  nextTryAt: now.getTime(),
  giveUpAt: now.getTime() + giveUpMs,
});

/** The event of a delivery, as the feed has it. */
export const eventOf = ({ stamp, seq, type, accountId, data, eventAt }: PendingDelivery) => ({
  id: eventId({ stamp, seq }),
  type,
  account_id: accountId,
  at: eventAt,
  data: toldData(type, data),
});
