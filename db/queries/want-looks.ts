import { rows, type Em } from '../connect.ts';

/** Wants a look at every degraded account that was last looked at, or became so, before `before`. */
export async function wantLooks(em: Em, now: Date, before: Date): Promise<void> {
  await rows(
    em,
    `update accounts set look_wanted_at = ?
     where state = 'degraded' and look_wanted_at is null and merged_into is null
       and since < ? and (looked_at is null or looked_at < ?)`,
    [now, before, before],
  );
}
