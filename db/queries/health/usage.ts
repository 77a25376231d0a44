import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What an account did on one day of the tenant's time zone. */
export interface DayOfUse {
  /** Such as 2026-05-04. */
  day: string;
  messagesIn: number;
  messagesOut: number;
  sent: number;
  failed: number;
  unclear: number;
  cancelled: number;
  syncsSucceeded: number;
  syncsFailed: number;
  /** Webhook events that were stored, each once however often it came; null for days before the newest `mostEvents`. */
  webhookEvents: number | null;
  /** When the other figures were counted; null: nothing to count yet. */
  countedAt: Date | null;
  /** Something of the day changed since then: it is counted again within the hour. */
  isWaiting: boolean;
}

/** The newest webhook events that are counted. */
const mostEvents = 5_000;

/**
 * The last `days` days of an account, today first. Messages, sends and syncs are the figures of analytics, so that the two
 * never differ; webhook events are counted from their rows.
 */
export async function usageOf(em: Em, accountId: string, now: Date, days: number): Promise<DayOfUse[]> {
  const found = await rows<Omit<DayOfUse, 'countedAt'> & { countedAt: string | null }>(
    em,
    sql`with zone as (
          select t.time_zone, (${now}::timestamptz at time zone t.time_zone)::date as today
          from accounts a join tenants t on t.id = a.tenant_id where a.id = ${accountId}::uuid),
        wanted as (select today - n as day, time_zone from zone cross join generate_series(0, ${days}::int - 1) n),
        newest as materialized (
          select received_at from webhook_events
          where account_id = ${accountId}::uuid
            and received_at > ${now}::timestamptz - make_interval(days => ${days}::int + 1)
          order by id desc limit ${mostEvents}),
        -- Each part has an index of its own.
        marks as (
          select hour from analytics_marks where account_id = ${accountId}::uuid and claim is null
          union all
          select hour from analytics_marks where account_id = ${accountId}::uuid and claim is not null),
        events as (
          select (received_at at time zone (select time_zone from zone))::date as day, count(*)::int as n from newest
          group by 1),
        reach as (
          select case when count(*) = ${mostEvents} then (min(received_at) at time zone (select time_zone from zone))::date end
            as day from newest)
        select w.day::text as day, coalesce(d.messages_incoming, 0) as "messagesIn",
          coalesce(d.messages_outgoing, 0) as "messagesOut", coalesce(d.sends_sent, 0) as sent,
          coalesce(d.sends_failed, 0) as failed, coalesce(d.sends_unclear, 0) as unclear,
          coalesce(d.sends_cancelled, 0) as cancelled, coalesce(d.syncs_succeeded, 0) as "syncsSucceeded",
          coalesce(d.syncs_failed, 0) as "syncsFailed", d.counted_at::text as "countedAt",
          case when w.day <= r.day then null else coalesce(e.n, 0) end as "webhookEvents",
          exists (
            select from marks m
            where m.hour = '-infinity' or w.day between (m.hour at time zone w.time_zone)::date
              and ((m.hour + interval '1 hour') at time zone w.time_zone)::date) as "isWaiting"
        from wanted w cross join reach r
        left join account_days d on d.account_id = ${accountId}::uuid and d.day = w.day
        left join events e on e.day = w.day order by w.day desc`,
  );
  return found.map((one) => ({ ...one, countedAt: one.countedAt === null ? null : new Date(one.countedAt) }));
}
