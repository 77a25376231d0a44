import type { DeliveryError, DeliveryState } from '../../../domain/deliveries.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** How a try of a delivery ended. */
export interface Settled {
  endpointId: string;
  id: string;
  /** RFC 3339, exact: the delivery's partition. */
  createdAt: string;
  state: DeliveryState;
  /** RFC 3339; null for one that does not wait. */
  nextTryAt: string | null;
  triedAt: string;
  status: number | null;
  error: DeliveryError | null;
  tookMs: number;
  answer: string | null;
}

/**
 * Settings of a transaction that settles: each delivery is found by its key. PostgreSQL does not know how many wait, and would
 * read all that do.
 */
export const settling = { enable_hashjoin: 'off', enable_mergejoin: 'off', enable_seqscan: 'off' };

/** Writes the outcomes of many tries, of any endpoints. One that does not wait any more stays as it is. System role. */
export async function settleDeliveries(em: Em, settled: readonly Settled[]): Promise<void> {
  await rows(
    em,
    sql`update webhook_deliveries d
        set state = s.state, tries = d.tries + 1, next_try_at = s."nextTryAt", tried_at = s."triedAt", status = s.status,
          error = s.error, took_ms = s."tookMs", answer = s.answer
        from ${recordset(
          settled,
          sql`("endpointId" uuid, id uuid, "createdAt" timestamptz, state text, "nextTryAt" timestamptz, "triedAt" timestamptz,
            status int, error text, "tookMs" int, answer text)`,
        )} as s
        where d.endpoint_id = s."endpointId" and d.id = s.id and d.created_at = s."createdAt"
          -- Not the index of those that wait.
          and d.state || '' = 'pending'`,
  );
}
