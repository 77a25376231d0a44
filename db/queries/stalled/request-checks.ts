import { rows, type Em } from '../../connect.ts';

/** Wants a look at every degraded account that was last looked at, or became so, before `before`. */
export async function requestChecks(em: Em, now: Date, before: Date): Promise<void> {
  await rows(
    em,
    `update accounts set check_requested_at = ?
     where state = 'degraded' and check_requested_at is null and merged_into is null
       and since < ? and (checked_at is null or checked_at < ?)`,
    [now, before, before],
  );
}
