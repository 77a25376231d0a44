import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Keeps the transaction short. */
const batch = 2_000;

/**
 * Deliveries that wait longer than they are tried, as at an endpoint that is paused or disabled, become dead; those of an
 * endpoint at which a worker is stay. Answers how many; call again while it is not 0. System role.
 */
export async function killOldDeliveries(em: Em, now: Date): Promise<number> {
  const killed = await rows(
    em,
    sql`update webhook_deliveries d set state = 'dead', next_try_at = null
        from (
          select old.endpoint_id, old.id, old.created_at from webhook_endpoints e cross join lateral (
            select endpoint_id, id, created_at from webhook_deliveries
            where endpoint_id = e.id and state = 'pending' and give_up_at < ${now}
            order by stamp, seq limit ${batch}) old
          where e.leased_until is null or e.leased_until < now()
          limit ${batch}) chosen
        where d.endpoint_id = chosen.endpoint_id and d.id = chosen.id and d.created_at = chosen.created_at
          and d.state = 'pending'
        returning d.id`,
  );
  return killed.length;
}
