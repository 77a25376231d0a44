import { giveUpMs } from '../../../domain/deliveries.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Which deliveries of an endpoint are tried again; those that wait already are left as they are. */
export interface ReplayFilter {
  endpointId: string;
  /** One delivery alone. */
  id?: string | undefined;
  state?: 'delivered' | 'dead' | undefined;
  /** When it was queued. */
  from?: Date | undefined;
  to?: Date | undefined;
}

/** Keeps the transaction short. */
const batch = 2_000;

/**
 * Queues deliveries again, with the same events. `now` is the same for all batches: what was replayed is not taken twice.
 * Answers how many; call again while it is not 0. Tenant's role.
 */
export async function replayDeliveries(
  em: Em,
  { endpointId, id, state, from, to }: ReplayFilter,
  now: Date,
): Promise<number> {
  const until = new Date(now.getTime() + giveUpMs);
  const replayed = await rows(
    em,
    sql`with chosen as materialized (
          select id, created_at from webhook_deliveries
          where endpoint_id = ${endpointId}::uuid and state ${state === undefined ? sql`<> 'pending'` : sql`= ${sql.lit(state)}`}
            and give_up_at < ${until}
            ${id === undefined ? sql`` : sql`and id = ${id}::uuid`}
            ${from === undefined ? sql`` : sql`and created_at >= ${from}`}
            ${to === undefined ? sql`` : sql`and created_at < ${to}`}
          order by id limit ${batch} for update)
        update webhook_deliveries d
        set state = 'pending', tries = 0, next_try_at = ${now}, give_up_at = ${until}
        from chosen where d.endpoint_id = ${endpointId}::uuid and d.id = chosen.id and d.created_at = chosen.created_at
        returning d.id`,
  );
  if (replayed.length) await rows(em, sql`update webhook_endpoints set due_at = ${now} where id = ${endpointId}::uuid`);
  return replayed.length;
}
