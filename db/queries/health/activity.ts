import { habitMs, type Habit } from '../../../domain/silence.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** When something of an account came in and went out last, and its habit. Null: not lately, or never. */
export interface Activity {
  lastWebhookAt: Date | null;
  lastMessageInAt: Date | null;
  lastMessageOutAt: Date | null;
  habit: Habit;
}

/** The newest messages among which the last one of each direction is looked for. */
const newest = 200;
/** Messages that one step of the walk looks at for one that came in, and the most steps. */
const perStep = 8;
const mostSteps = 1_500;
/** A provider's clock may be ahead by this, in milliseconds. */
const skewMs = 300_000;

/**
 * Reads an account's activity by its indexes. The habit is a walk from one message to the newest one that is at least an hour
 * older, so that its cost depends on the hours and not on the messages.
 */
export async function activityOf(em: Em, accountId: string, now: Date): Promise<Activity> {
  const since = new Date(now.getTime() - habitMs);
  const [last] = await rows<Record<'webhook' | 'messageIn' | 'messageOut', string | null>>(
    em,
    sql`with newest as (
          select direction, status, sent_at from messages where account_id = ${accountId}::uuid
          order by sent_at desc, id desc limit ${newest})
        select
          (select received_at::text from webhook_events
           where account_id = ${accountId}::uuid and received_at > ${since} order by id desc limit 1) as webhook,
          (select max(sent_at)::text from newest where direction = 'in') as "messageIn",
          (select max(sent_at)::text from newest
           where direction = 'out' and status in ('sent', 'delivered', 'read', 'played')) as "messageOut"`,
  );
  const walked = await walk(em, accountId, since, new Date(now.getTime() + skewMs));
  return {
    lastWebhookAt: dateOf(last?.webhook),
    lastMessageInAt: dateOf(last?.messageIn ?? walked.newest),
    lastMessageOutAt: dateOf(last?.messageOut),
    habit: walked.habit,
  };
}

const dateOf = (text: string | null | undefined): Date | null => (text ? new Date(text) : null);

/** A step that meets no message that came in goes on with the oldest one that it met. */
async function walk(
  em: Em,
  accountId: string,
  since: Date,
  until: Date,
): Promise<{ newest: string | null; habit: Habit }> {
  const step = (before: ReturnType<typeof sql>) => sql`
    select coalesce(max(sent_at) filter (where direction = 'in'), min(sent_at)) as at,
      coalesce(bool_or(direction = 'in'), false) as came
    from (select sent_at, direction from messages
      where account_id = ${accountId}::uuid and sent_at > ${since} and sent_at < ${before}
      order by sent_at desc limit ${perStep}) met`;
  const [found] = await rows<{ newest: string | null; oldest: string | null; n: number; gaps: number[] | null }>(
    em,
    sql`with recursive walk as (
          select 1 as step, first.at, first.came from (${step(sql`${until}::timestamptz`)}) first where first.at is not null
          union all
          select w.step + 1, next.at, next.came from walk w cross join lateral (
            ${step(sql`case when w.came then w.at - interval '1 hour' else w.at end`)}) next
          where next.at is not null and w.step < ${mostSteps}),
        came as (select at, lag(at) over (order by at desc) - at as gap from walk where came)
        select max(at)::text as newest, min(at)::text as oldest, count(*)::int as n,
          (array_agg(extract(epoch from gap)::float8 order by gap desc) filter (where gap is not null))[1:2] as gaps
        from came`,
  );
  const { newest = null, oldest = null, n = 0, gaps = null } = found ?? {};
  const habit = {
    since: oldest === null ? null : new Date(oldest).getTime(),
    busyHours: n,
    gaps: (gaps ?? []).map((seconds) => seconds * 1_000),
  };
  return { newest, habit };
}
