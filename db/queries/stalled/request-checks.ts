import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { refusedCredentials } from '../tenants/refused-keys.ts';

/**
 * Requests a check of degraded accounts not checked since `before`, except where the provider refuses the key or another
 * transaction holds the account. Returns their number.
 */
export async function requestChecks(em: Em, now: Date, before: Date): Promise<number> {
  const requested = await rows(
    em,
    sql`update accounts set check_requested_at = ${now}
        where id in (
          select id from accounts where state = 'degraded' and check_requested_at is null and merged_into is null
            and (credentials_id = any(${refusedCredentials})) is not true
            and since < ${before} and (checked_at is null or checked_at < ${before})
          for no key update skip locked)
        returning id`,
  );
  return requested.length;
}
