import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** A message that no webhook brought: when it was sent, in milliseconds since the epoch. */
export interface MissedMessage {
  at: number;
  /** Sent while Patchbay took no webhooks in. */
  duringDowntime: boolean;
}

/** Counts messages that a sync found missing, by the tenant's day, and has the account watched. */
export async function noteMissed(
  em: Em,
  { tenantId, accountId }: { tenantId: string; accountId: string },
  runId: string,
  messages: readonly MissedMessage[],
): Promise<void> {
  if (!messages.length) return;
  const list = recordset(
    messages.map(({ at, duringDowntime }) => ({ at: new Date(at), duringDowntime })),
    sql`("at" timestamptz, "duringDowntime" boolean)`,
  );
  await rows(
    em,
    sql`insert into missed_webhooks as m (account_id, day, tenant_id, missed, during_downtime)
        select ${accountId}::uuid, (g.at at time zone t.time_zone)::date, t.id,
          count(*) filter (where not g."duringDowntime"), count(*) filter (where g."duringDowntime")
        from ${list} as g cross join tenants t where t.id = ${tenantId} group by 2, 3 order by 2
        on conflict (account_id, day) do update set missed = m.missed + excluded.missed,
          during_downtime = m.during_downtime + excluded.during_downtime`,
  );
  const times = messages.flatMap(({ at, duringDowntime }) => (duringDowntime ? [] : [at]));
  if (!times.length) return;
  const [first, last] = [new Date(Math.min(...times)), new Date(Math.max(...times))];
  await rows(
    em,
    sql`insert into webhook_watches as w (account_id, tenant_id, since, sweeps, missed, run_id, run_missed, run_since,
          last_missed_at, brought, registrations, register_tries)
        values (${accountId}, ${tenantId}, ${first}, 0, ${times.length}, ${runId}, ${times.length}, ${first}, ${last}, 0,
          '[]', 0)
        on conflict (account_id) do update set missed = w.missed + excluded.missed, run_id = excluded.run_id,
          run_missed = excluded.run_missed + case when w.run_id = excluded.run_id then w.run_missed else 0 end,
          run_since = case when w.run_id = excluded.run_id then least(w.run_since, excluded.run_since)
            else excluded.run_since end,
          since = least(w.since, excluded.since), last_missed_at = greatest(w.last_missed_at, excluded.last_missed_at)`,
  );
}

/** What webhooks brought. */
export interface Brought {
  messages: number;
  /** When the last webhook of the account came; null where none is kept. */
  lastAt: Date | null;
}

/** What webhooks brought of an account since a time; of the last one whatever its age. */
export async function broughtSince(em: Em, accountId: string, since: Date): Promise<Brought> {
  const [found] = await rows<{ n: number; last: string | null }>(
    em,
    sql`select (select count(*)::int from webhook_events
                where account_id = ${accountId} and kind = 'message' and received_at > ${since}) as n,
          (select received_at::text from webhook_events where account_id = ${accountId} order by id desc limit 1) as last`,
  );
  return { messages: found?.n ?? 0, lastAt: found?.last ? new Date(found.last) : null };
}

/** Claims the right to make a webhook anew, unless that was done since `before`. Answers when it was done. System role. */
export async function claimRenewal(
  em: Em,
  credentialsId: string,
  now: Date,
  before: Date,
): Promise<{ isClaimed: boolean; renewedAt: Date }> {
  const claimed = await rows(
    em,
    sql`update provider_credentials set renewed_at = ${now}
        where id = ${credentialsId} and (renewed_at is null or renewed_at < ${before}) returning id`,
  );
  if (claimed.length) return { isClaimed: true, renewedAt: now };
  const [found] = await rows<{ at: string | null }>(
    em,
    sql`select renewed_at::text as at from provider_credentials where id = ${credentialsId}`,
  );
  return { isClaimed: false, renewedAt: found?.at ? new Date(found.at) : now };
}

/** Of a webhook that could not be made: the next try need not wait. System role. */
export async function releaseRenewal(em: Em, credentialsId: string, claimedAt: Date): Promise<void> {
  await rows(
    em,
    sql`update provider_credentials set renewed_at = null where id = ${credentialsId} and renewed_at = ${claimedAt}`,
  );
}

/** Returns the number removed; call again while it is not 0. System role. */
export async function removeMissedWebhooks(em: Em, before: Date): Promise<number> {
  const removed = await rows(
    em,
    sql`delete from missed_webhooks where (account_id, day) in (
          select account_id, day from missed_webhooks where day < ${before}::date order by day limit 1000)
        returning account_id`,
  );
  return removed.length;
}
