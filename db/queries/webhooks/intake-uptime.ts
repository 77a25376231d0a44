import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Notes that the API process of `id` can store webhooks, without a break since `from`. System role. */
export async function noteUptime(em: Em, id: string, from: Date, to: Date): Promise<void> {
  await rows(
    em,
    sql`insert into intake_uptime as u (id, up_from, up_to) values (${id}, ${from}, ${to})
        on conflict (id) do update set up_to = greatest(u.up_to, excluded.up_to)`,
  );
}

/** A time in which webhooks could be stored, in milliseconds since the epoch. */
export interface Uptime {
  from: number;
  to: number;
}

/** The times since `since` in which some API process could store webhooks; they may overlap. System role. */
export async function uptimesSince(em: Em, since: Date): Promise<Uptime[]> {
  const found = await rows<{ from: string; to: string }>(
    em,
    sql`select up_from::text as "from", up_to::text as "to" from intake_uptime where up_to >= ${since}`,
  );
  return found.map(({ from, to }) => ({ from: Date.parse(from), to: Date.parse(to) }));
}

/** Returns the number removed; call again while it is not 0. System role. */
export async function removeUptimes(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`delete from intake_uptime where id in (
          select id from intake_uptime where up_to < ${before} order by up_to limit 1000) returning id`,
  );
  return removed.length;
}
