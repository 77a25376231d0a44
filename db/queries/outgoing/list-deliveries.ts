import type { DeliveryState } from '../../../domain/deliveries.ts';
import type { Em } from '../../connect.ts';
import { WebhookDelivery } from '../../entities/outgoing.ts';
import { rows, sql } from '../../sql.ts';

/** Which deliveries are listed; what is left out does not narrow. */
export interface DeliveryFilter {
  endpointId?: string | undefined;
  state?: DeliveryState | undefined;
  type?: string | undefined;
  accountId?: string | undefined;
  /** When it was queued. */
  from?: Date | undefined;
  to?: Date | undefined;
}

/** The newest first, before the id of a delivery where it is given. Tenant's role. */
export async function listDeliveries(
  em: Em,
  { endpointId, state, type, accountId, from, to }: DeliveryFilter,
  before: string | null,
  limit: number,
): Promise<WebhookDelivery[]> {
  const found = await rows<{ id: string }>(
    em,
    // The key begins with the endpoint, and a tenant has few.
    sql`select d.id from webhook_endpoints e cross join lateral (
          select id from webhook_deliveries d
          where d.endpoint_id = e.id
            ${before === null ? sql`` : sql`and d.id < ${before}::uuid`}
            ${state === undefined ? sql`` : sql`and d.state = ${sql.lit(state)}`}
            ${type === undefined ? sql`` : sql`and d.type = ${type}`}
            ${accountId === undefined ? sql`` : sql`and d.account_id = ${accountId}::uuid`}
            ${from === undefined ? sql`` : sql`and d.created_at >= ${from}`}
            ${to === undefined ? sql`` : sql`and d.created_at < ${to}`}
          order by d.id desc limit ${limit}) d
        ${endpointId === undefined ? sql`` : sql`where e.id = ${endpointId}::uuid`}
        order by d.id desc limit ${limit}`,
  );
  return deliveriesOf(
    em,
    found.map(({ id }) => id),
  );
}

/** A delivery of the tenant; null for an id that is none of its. Tenant's role. */
export const findDelivery = async (em: Em, id: string): Promise<WebhookDelivery | null> =>
  (await deliveriesOf(em, [id]))[0] ?? null;

async function deliveriesOf(em: Em, ids: readonly string[]): Promise<WebhookDelivery[]> {
  if (!ids.length) return [];
  const endpoints = await rows<{ id: string }>(em, sql`select id from webhook_endpoints`);
  const endpointId = { $in: endpoints.map(({ id }) => id) };
  return em.find(WebhookDelivery, { endpointId, id: { $in: [...ids] } }, { orderBy: { id: 'desc' } });
}
