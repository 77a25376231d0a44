import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Keeps the transaction short. */
const batch = 1_000;

/**
 * Removes what came before `before` for messages that never came, with their keys. Returns the number removed; call again while
 * it is not 0. System role.
 */
export async function removeEarlyEffects(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`with gone as (
        delete from message_effects where (account_id, key, digest) in (
          select account_id, key, digest from message_effects where created_at < ${before}
          order by created_at limit ${batch} for update skip locked)
        returning account_id, key),
      keys as (
        delete from provider_keys k using gone g
        where k.account_id = g.account_id and k.kind = 'message' and k.key = g.key and k.target_id is null
          and not exists (
            select from message_effects e
            where e.account_id = k.account_id and e.key = k.key and e.created_at >= ${before}))
      select from gone`,
  );
  return removed.length;
}
