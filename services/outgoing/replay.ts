import type { WebhookDelivery } from '../../db/entities/outgoing.ts';
import { findDelivery } from '../../db/queries/outgoing/list-deliveries.ts';
import { replayDeliveries, type ReplayFilter } from '../../db/queries/outgoing/replay-deliveries.ts';
import { isId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { drain } from '../maintenance/drain.ts';
import { Problem } from '../problem.ts';
import { findEndpoint } from './endpoints.ts';
import type { Em } from '../../db/connect.ts';

/** A delivery of the tenant. 404 when there is none. */
export async function deliveryOf(em: Em, id: string): Promise<WebhookDelivery> {
  const found = isId(id) ? await findDelivery(em, id) : null;
  if (!found) throw new Problem('not_found', 'There is no such delivery.');
  return found;
}

/** Delivers one event again, with the same id. One that waits already is left as it is. */
export async function replayDelivery({ db, clock }: Context, tenantId: string, id: string): Promise<WebhookDelivery> {
  await db.tenant(tenantId, async (em) => {
    const { endpointId } = await deliveryOf(em, id);
    await replayDeliveries(em, { endpointId, id }, clock.now());
  });
  return db.tenant(tenantId, (em) => deliveryOf(em, id));
}

/** Delivers events of an endpoint again, with the same ids. Answers how many. */
export async function replayEndpoint(
  { db, clock }: Context,
  tenantId: string,
  filter: ReplayFilter,
  gone: AbortSignal,
): Promise<number> {
  await db.tenant(tenantId, (em) => findEndpoint(em, filter.endpointId));
  const now = clock.now();
  return drain(
    () => db.tenant(tenantId, (em) => replayDeliveries(em, filter, now)),
    () => gone.aborted,
  );
}
