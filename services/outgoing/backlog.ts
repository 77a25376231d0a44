import type { LeasedEndpoint } from '../../db/queries/outgoing/lease-endpoints.ts';
import { pendingAfter, pendingOfLanes, type PendingDelivery } from '../../db/queries/outgoing/pending-deliveries.ts';
import type { Context } from '../context.ts';
import { createLanes, type Lanes } from './lanes.ts';
import type { Settler } from './settler.ts';
import { takePage } from './take-page.ts';

/** Deliveries of a page. */
const pageSize = 1_000;
/** The next page is read where no more than so many are held. */
export const fewHeld = 500;
/** Rows of a lane that are read again. */
const ofLane = 20;
/** Deliveries that wait behind tries that failed; with more the endpoint's place in the feed stays. */
const mostLeftOut = 20_000;

const before = { stamp: -1, seq: 0 };

/** What waits for an endpoint, as far as its worker holds it. */
export interface Backlog {
  lanes: Lanes<PendingDelivery>;
  /**
   * Reads what waits, or makes deliveries of the next events. `none`: nothing more can be had now; `changed`: the lease is
   * over, or the endpoint was changed.
   */
  fill(): Promise<'some' | 'none' | 'changed'>;
}

export function createBacklog(
  { context: { db, clock }, workerId, settler }: { context: Context; workerId: string; settler: Settler },
  endpoint: LeasedEndpoint,
): Backlog {
  const lanes = createLanes<PendingDelivery>();
  const { isPaused } = endpoint;
  /** All that waits is held, or left out of a lane that is not wholly held. */
  let isWhole = false;
  let readTo = before;

  const fill: Backlog['fill'] = async () => {
    const now = clock.now();
    // Only once all is read: a page must not bring rows again that were read for their lane.
    const lacking = isWhole ? lanes.lacking(now.getTime()).slice(0, pageSize / ofLane) : [];
    // What is delivered and not yet written would be read as waiting.
    if (lacking.length || !isWhole) await settler.written();
    if (lacking.length) {
      const found = await db.tenant(endpoint.tenantId, (em) => pendingOfLanes(em, endpoint.id, lacking, ofLane));
      lanes.refill(lacking, found, ofLane, now.getTime());
      return 'some';
    }
    if (!isWhole) {
      const most = isPaused ? 1 : pageSize;
      const found = await db.tenant(endpoint.tenantId, (em) => pendingAfter(em, endpoint.id, readTo, most));
      // A probe is not for the delivery: it is tried whenever the endpoint is.
      lanes.add(isPaused ? found.map((one) => ({ ...one, nextTryAt: 0 })) : found, now.getTime());
      readTo = found.at(-1) ?? readTo;
      isWhole = found.length < most;
      return found.length ? 'some' : fill();
    }
    if (lanes.leftOut() >= mostLeftOut) return 'none';
    const taken = await db.tenant(endpoint.tenantId, (em) => takePage(em, workerId, endpoint, pageSize, now));
    if (!taken) return 'changed';
    lanes.add(taken.deliveries, now.getTime());
    if (taken.isRequeued) {
      lanes.forget();
      [isWhole, readTo] = [false, before];
    }
    return taken.more || taken.isRequeued ? 'some' : 'none';
  };
  return { lanes, fill };
}
