import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { refusedCredentials } from '../tenants/refused-keys.ts';

/**
 * Requests a check of accounts that are due for one at `now`, the longest due first. Skips those that another transaction
 * holds, and those whose provider refuses the key. Answers how many it requested. System role.
 */
export async function requestChecks(em: Em, now: Date, limit: number): Promise<number> {
  const requested = await rows(
    em,
    sql`update accounts set check_requested_at = ${now}
        where id in (
          select id from accounts where check_due_at <= ${now} and check_requested_at is null
            and (credentials_id = any(${refusedCredentials})) is not true
          order by check_due_at limit ${limit} for no key update skip locked)
        returning id`,
  );
  return requested.length;
}
