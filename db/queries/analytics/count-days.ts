import { outStatuses } from '../../../domain/analytics.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql, type Sql } from '../../sql.ts';
import type { AccountDayRef } from './marks.ts';

const out: readonly string[] = outStatuses;

/** What counts of messages `m` with their sends `s`, in the order of `figureColumns`. */
const figures = sql`
  count(*) filter (where m.deleted_at is null and m.direction = 'in')::int as incoming,
  count(*) filter (where m.deleted_at is null and m.direction = 'out' and m.status = any(${out}::text[]))::int as outgoing,
  count(*) filter (where m.deleted_at is null and m.direction is null)::int as unknown,
  count(*) filter (where m.deleted_at is not null)::int as deleted,
  count(*) filter (where m.is_live and m.told_by <> 'us')::int as live,
  count(*) filter (where s.state = 'sent')::int as sends_sent,
  count(*) filter (where s.state = 'failed')::int as sends_failed,
  count(*) filter (where s.state = 'unclear')::int as sends_unclear,
  count(*) filter (where s.state = 'cancelled')::int as sends_cancelled,
  min(m.sent_at) filter (where m.deleted_at is null and m.direction = 'in') as first_incoming_at`;
const counts = [
  'incoming',
  'outgoing',
  'unknown',
  'deleted',
  'live',
  'sends_sent',
  'sends_failed',
  'sends_unclear',
  'sends_cancelled',
] as const;
const list = (of: (column: Sql) => Sql): Sql => sql.join(counts.map((name) => of(sql.ref(name))));

/** When the first message went out in a conversation after a time. */
const answerAfter = (conversation: Sql, at: Sql): Sql => sql`
  select m.sent_at from messages m
  where m.conversation_id = ${conversation} and m.sent_at > ${at} and m.direction = 'out' and m.deleted_at is null
    and m.event is null and m.status = any(${out}::text[])
  order by m.sent_at limit 1`;

const dayRow = sql`("accountId" uuid, "tenantId" uuid, day date)`;

/**
 * Days with their first moment and the one after their last. The margin is for clocks that are changed at midnight; what
 * counts is the date that a message has in the zone.
 */
const daysOf = (days: readonly AccountDayRef[]): Sql => sql`
  select g."accountId" as account_id, g."tenantId" as tenant_id, g.day, t.time_zone,
    (g.day::timestamp at time zone t.time_zone) - interval '3 hours' as since,
    ((g.day + 1)::timestamp at time zone t.time_zone) + interval '3 hours' as until
  from ${recordset(days, dayRow)} as g join tenants t on t.id = g."tenantId"`;

/**
 * Counts the conversations of days anew from their messages. Answers days before them in which the first answer to a message
 * is another one now: they must be counted too. `not in` is looked up by hash; of an anti-join PostgreSQL, which cannot know how
 * many conversations there are, makes a loop over all pairs.
 */
export function countDays(em: Em, days: readonly AccountDayRef[]): Promise<AccountDayRef[]> {
  return rows<AccountDayRef>(
    em,
    sql`with d as materialized (${daysOf(days)}),
      n as materialized (
        select c.conversation_id, d.day, d.tenant_id, d.account_id, ${list((name) => sql`c.${name}`)},
          f.first_incoming_at, a.sent_at as answered_at
        from d cross join lateral (
          select m.conversation_id, ${figures}
          from messages m left join message_sends s on s.message_id = m.id
          where m.account_id = d.account_id and m.sent_at >= d.since and m.sent_at < d.until
            and (m.sent_at at time zone d.time_zone)::date = d.day and m.event is null
          group by m.conversation_id) c
        left join conversation_days k on k.conversation_id = c.conversation_id and k.day = d.day and k.is_kept
        cross join lateral (select case when k.first_incoming_at is null then c.first_incoming_at end as first_incoming_at) f
        left join lateral (${answerAfter(sql`c.conversation_id`, sql`f.first_incoming_at`)}) a
          on f.first_incoming_at is not null),
      o as materialized (
        select c.conversation_id, c.day, c.outgoing from d
        join conversation_days c on c.account_id = d.account_id and c.day = d.day and not c.is_kept),
      gone as (
        delete from conversation_days c using o
        where c.conversation_id = o.conversation_id and c.day = o.day and not c.is_kept
          and (o.conversation_id, o.day) not in (select n.conversation_id, n.day from n)),
      written as (
        insert into conversation_days as c (conversation_id, day, is_kept, tenant_id, account_id,
          ${list((name) => name)}, first_incoming_at, answered_at)
        select conversation_id, day, false, tenant_id, account_id, ${list((name) => name)}, first_incoming_at, answered_at
        from n
        on conflict (conversation_id, day, is_kept) do update set account_id = excluded.account_id,
          ${list((name) => sql`${name} = excluded.${name}`)}, first_incoming_at = excluded.first_incoming_at,
          answered_at = excluded.answered_at
        where (${list((name) => sql`c.${name}`)}, c.first_incoming_at, c.answered_at)
          is distinct from (${list((name) => sql`excluded.${name}`)}, excluded.first_incoming_at, excluded.answered_at)),
      x as (
        select conversation_id, day from n where outgoing > 0 union select conversation_id, day from o where outgoing > 0),
      e as materialized (
        select distinct e.conversation_id, e.day, e.tenant_id, e.account_id, e.first_incoming_at, e.answered_at
        from x join conversation_days e on e.conversation_id = x.conversation_id and e.day < x.day and not e.is_kept
          and e.first_incoming_at is not null
          and (e.answered_at is null or e.answered_at >= (x.day::timestamp at time zone 'UTC') - interval '1 day')
        where (e.account_id, e.day) not in (select d.account_id, d.day from d))
      select distinct e.account_id as "accountId", e.tenant_id as "tenantId", e.day::text
      from e left join lateral (${answerAfter(sql`e.conversation_id`, sql`e.first_incoming_at`)}) a on true
      where a.sent_at is distinct from e.answered_at`,
  );
}

/**
 * Writes the figures of accounts for days whose conversations are counted. Syncs and missed webhooks of days before `sourcesSince`
 * stay as they were counted: their rows are removed by retention.
 */
export async function sumDays(em: Em, days: readonly AccountDayRef[], now: Date, sourcesSince: string): Promise<void> {
  await rows(
    em,
    sql`with d as materialized (${daysOf(days)})
      insert into account_days as a (account_id, day, tenant_id, messages_total, messages_incoming, messages_outgoing,
        messages_deleted, messages_live, conversations, conversations_unanswered, response_seconds, sends_sent,
        sends_failed, sends_unclear, sends_cancelled, syncs_succeeded, syncs_failed, webhooks_missed,
        webhooks_missed_in_downtime, counted_at)
      select d.account_id, d.day, d.tenant_id, f.*, y.*, coalesce(w.missed, 0), coalesce(w.during_downtime, 0),
        ${now}::timestamptz
      from d
      cross join lateral (
        select coalesce(sum(incoming + outgoing + unknown), 0)::int, coalesce(sum(incoming), 0)::int,
          coalesce(sum(outgoing), 0)::int, coalesce(sum(deleted), 0)::int, coalesce(sum(live), 0)::int,
          count(*) filter (where incoming + outgoing + unknown > 0)::int,
          count(*) filter (where first_at is not null and answered_at is null)::int,
          coalesce(array_agg(extract(epoch from answered_at - first_at)::int order by answered_at - first_at)
            filter (where answered_at is not null), '{}'),
          coalesce(sum(sends_sent), 0)::int, coalesce(sum(sends_failed), 0)::int, coalesce(sum(sends_unclear), 0)::int,
          coalesce(sum(sends_cancelled), 0)::int
        from (
          select ${list((name) => sql`sum(c.${name}) as ${name}`)},
            coalesce(min(c.first_incoming_at) filter (where c.is_kept), min(c.first_incoming_at)) as first_at,
            case when bool_or(c.is_kept and c.first_incoming_at is not null)
              then min(c.answered_at) filter (where c.is_kept) else min(c.answered_at) end as answered_at
          from conversation_days c where c.account_id = d.account_id and c.day = d.day group by c.conversation_id) each) f
      cross join lateral (
        select count(*) filter (where r.state = 'succeeded')::int, count(*) filter (where r.state = 'failed')::int
        from sync_runs r where r.account_id = d.account_id and r.ended_at >= d.since and r.ended_at < d.until
          and (r.ended_at at time zone d.time_zone)::date = d.day and not r.dry_run) y
      left join missed_webhooks w on w.account_id = d.account_id and w.day = d.day
      on conflict (account_id, day) do update set messages_total = excluded.messages_total,
        messages_incoming = excluded.messages_incoming, messages_outgoing = excluded.messages_outgoing,
        messages_deleted = excluded.messages_deleted, messages_live = excluded.messages_live,
        conversations = excluded.conversations, conversations_unanswered = excluded.conversations_unanswered,
        response_seconds = excluded.response_seconds, sends_sent = excluded.sends_sent,
        sends_failed = excluded.sends_failed, sends_unclear = excluded.sends_unclear,
        sends_cancelled = excluded.sends_cancelled, counted_at = excluded.counted_at,
        ${sql.join(
          ['syncs_succeeded', 'syncs_failed', 'webhooks_missed', 'webhooks_missed_in_downtime'].map((name) => {
            const column = sql.ref(name);
            return sql`${column} = case when excluded.day < ${sourcesSince}::date then a.${column} else excluded.${column} end`;
          }),
        )}`,
  );
  await rows(
    em,
    sql`delete from account_days a using ${recordset(days, dayRow)} as g
        where a.account_id = g."accountId" and a.day = g.day and a.messages_total + a.messages_deleted + a.sends_sent
          + a.sends_failed + a.sends_unclear + a.sends_cancelled + a.syncs_succeeded + a.syncs_failed + a.webhooks_missed
          + a.webhooks_missed_in_downtime = 0`,
  );
}

/** Every day of which accounts have something, in the tenant's time zone, and those of which figures are stored. */
export const allDaysOf = (em: Em, accountIds: readonly string[]): Promise<AccountDayRef[]> =>
  rows<AccountDayRef>(
    em,
    sql`select distinct a.id as "accountId", a.tenant_id as "tenantId", x.day::text
        from accounts a join tenants t on t.id = a.tenant_id cross join lateral (
          select (m.sent_at at time zone t.time_zone)::date as day from messages m
          where m.account_id = a.id and m.event is null
          union select (r.ended_at at time zone t.time_zone)::date from sync_runs r
            where r.account_id = a.id and r.ended_at is not null
          union select c.day from conversation_days c where c.account_id = a.id
          union select s.day from account_days s where s.account_id = a.id
          union select w.day from missed_webhooks w where w.account_id = a.id) x
        where a.id = any(${accountIds}::uuid[])`,
  );

/** Removes what is kept of conversations that are gone, and answers of which days. */
export const removeGone = (em: Em, accountIds: readonly string[]): Promise<AccountDayRef[]> =>
  rows<AccountDayRef>(
    em,
    sql`with gone as (
          delete from conversation_days d where d.account_id = any(${accountIds}::uuid[]) and d.is_kept
            and not exists (select from conversations c where c.id = d.conversation_id)
          returning d.account_id, d.tenant_id, d.day)
        select distinct account_id as "accountId", tenant_id as "tenantId", day::text from gone`,
  );

/**
 * Keeps the figures of messages that are about to be removed because of their age. The caller has locked the days of their
 * accounts, and the messages.
 */
export async function keepFigures(em: Em, messageIds: readonly string[]): Promise<void> {
  await rows(
    em,
    sql`insert into conversation_days as c (conversation_id, day, is_kept, tenant_id, account_id,
          ${list((name) => name)}, first_incoming_at, answered_at)
        select n.conversation_id, n.day, true, n.tenant_id, n.account_id, ${list((name) => sql`n.${name}`)},
          n.first_incoming_at, a.sent_at
        from (
          select m.conversation_id, (m.sent_at at time zone t.time_zone)::date as day, m.tenant_id, m.account_id, ${figures}
          from messages m join tenants t on t.id = m.tenant_id left join message_sends s on s.message_id = m.id
          where m.id = any(${messageIds}::uuid[]) and m.event is null group by 1, 2, 3, 4) n
        left join lateral (${answerAfter(sql`n.conversation_id`, sql`n.first_incoming_at`)}) a
          on n.first_incoming_at is not null
        order by 1, 2
        on conflict (conversation_id, day, is_kept) do update set ${addUp}`,
  );
}

const addUp = sql`${list((name) => sql`${name} = c.${name} + excluded.${name}`)},
  first_incoming_at = least(c.first_incoming_at, excluded.first_incoming_at),
  answered_at = case when c.first_incoming_at <= excluded.first_incoming_at or excluded.first_incoming_at is null
    then c.answered_at else excluded.answered_at end`;

/** Of conversations that turned out to be others, what is kept goes over to them; the days are marked. */
export async function joinFigures(em: Em, joins: Sql): Promise<void> {
  await rows(
    em,
    sql`with moved as (
          delete from conversation_days o using ${joins} as g where o.conversation_id = g.loser and o.is_kept
          returning g.survivor, o.*),
        first as (
          select distinct on (survivor, day) survivor, day, first_incoming_at, answered_at from moved
          order by survivor, day, first_incoming_at nulls last),
        added as (
          insert into conversation_days as c (conversation_id, day, is_kept, tenant_id, account_id,
            ${list((name) => name)}, first_incoming_at, answered_at)
          select m.survivor, m.day, true, m.tenant_id, m.account_id, ${list((name) => sql`sum(m.${name})`)},
            f.first_incoming_at, f.answered_at
          from moved m join first f on f.survivor = m.survivor and f.day = m.day
          group by m.survivor, m.day, m.tenant_id, m.account_id, f.first_incoming_at, f.answered_at
          on conflict (conversation_id, day, is_kept) do update set ${addUp})
        insert into analytics_marks (tenant_id, account_id, hour, marked_at)
        select distinct m.tenant_id, m.account_id, hour_of((m.day + time '12:00') at time zone t.time_zone), event_time()
        from moved m join tenants t on t.id = m.tenant_id`,
  );
}

/** Deletes all figures of an account. */
export async function removeFigures(em: Em, accountId: string): Promise<void> {
  for (const table of ['conversation_days', 'account_days'])
    await rows(em, sql`delete from ${sql.table(table)} where account_id = ${accountId}`);
}
