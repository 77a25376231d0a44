import type { FeedPlace } from '../../../domain/events.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** A delivery that waits, as a worker holds it. */
export interface PendingDelivery extends FeedPlace {
  id: string;
  /** RFC 3339, exact. */
  createdAt: string;
  lane: string;
  type: string;
  accountId: string | null;
  data: Record<string, unknown>;
  /** RFC 3339, as the feed has it. */
  eventAt: string;
  tries: number;
  /** Milliseconds of the epoch. */
  nextTryAt: number;
  giveUpAt: number;
}

interface Row extends Omit<PendingDelivery, 'stamp' | 'seq'> {
  stamp: string;
  seq: string;
}

const columns = sql`id, stamp::text, seq::text, lane, type, account_id as "accountId", data, tries,
  to_jsonb(created_at)#>>'{}' as "createdAt",
  to_char(event_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "eventAt",
  (extract(epoch from next_try_at) * 1000)::float8 as "nextTryAt",
  (extract(epoch from give_up_at) * 1000)::float8 as "giveUpAt"`;

const placed = (found: readonly Row[]): PendingDelivery[] =>
  found.map((row) => ({ ...row, stamp: Number(row.stamp), seq: Number(row.seq) }));

/** Deliveries of an endpoint that wait, in the order of their events, after a place. Tenant's role. */
export async function pendingAfter(
  em: Em,
  endpointId: string,
  { stamp, seq }: FeedPlace,
  limit: number,
): Promise<PendingDelivery[]> {
  return placed(
    await rows<Row>(
      em,
      sql`select ${columns} from webhook_deliveries
          where endpoint_id = ${endpointId}::uuid and state = 'pending' and (stamp, seq) > (${stamp}::bigint, ${seq}::bigint)
          order by stamp, seq limit ${limit}`,
    ),
  );
}

/** The first deliveries that wait in each of these lanes, in the order of their events. Tenant's role. */
export async function pendingOfLanes(
  em: Em,
  endpointId: string,
  lanes: readonly string[],
  limitEach: number,
): Promise<PendingDelivery[]> {
  return placed(
    await rows<Row>(
      em,
      sql`select ${columns} from (
            select *, row_number() over (partition by lane order by stamp, seq) as nth from webhook_deliveries
            where endpoint_id = ${endpointId}::uuid and state = 'pending' and lane = any(${[...lanes]}::uuid[])) d
          where nth <= ${limitEach} order by stamp, seq`,
    ),
  );
}

/** Queues deliveries. Tenant's role. */
export async function insertDeliveries(
  em: Em,
  tenantId: string,
  endpointId: string,
  deliveries: readonly PendingDelivery[],
): Promise<void> {
  if (!deliveries.length) return;
  await rows(
    em,
    sql`insert into webhook_deliveries (id, tenant_id, endpoint_id, stamp, seq, lane, type, account_id, data, event_at, state,
          tries, created_at, next_try_at, give_up_at)
        select id, ${tenantId}::uuid, ${endpointId}::uuid, stamp, seq, lane, type, "accountId", data, "eventAt", 'pending',
          0, "createdAt", "createdAt", to_timestamp("giveUpAt" / 1000)
        from ${recordset(
          deliveries,
          sql`(id uuid, stamp bigint, seq bigint, lane uuid, type text, "accountId" uuid, data jsonb, "eventAt" timestamptz,
            "createdAt" timestamptz, "giveUpAt" float8)`,
        )} as d`,
  );
}
