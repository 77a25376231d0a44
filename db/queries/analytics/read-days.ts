import type { DayRange, Grouping } from '../../../domain/analytics.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

export interface DaysFilter extends DayRange {
  tenantId: string;
  owner?: string | undefined;
  channel?: string | undefined;
  account?: string | undefined;
}

/** Figures of one group, or of a whole period. Times are seconds; null where nothing was measured. */
export interface Figures {
  messagesTotal: number;
  messagesIncoming: number;
  messagesOutgoing: number;
  messagesDeleted: number;
  /** Each once, also over several days. */
  conversations: number;
  /** Of each day those with an incoming message, by whether something was sent after the day's first one. */
  conversationsAnswered: number;
  conversationsUnanswered: number;
  firstResponseMedian: number | null;
  firstResponseP90: number | null;
  sendsSent: number;
  sendsFailed: number;
  sendsUnclear: number;
  sendsCancelled: number;
  syncsSucceeded: number;
  syncsFailed: number;
  webhooksMissed: number;
  webhooksMissedInDowntime: number;
  /** The share of news that webhooks brought. */
  coverage: number | null;
}

/** What tells one row from the others: what its grouping does not have is empty. */
export interface GroupPlace {
  date: string;
  channel: string;
  owner: string;
  account: string;
}

export type GroupDay = GroupPlace & Figures;

const sums = {
  messagesTotal: 'messages_total',
  messagesIncoming: 'messages_incoming',
  messagesOutgoing: 'messages_outgoing',
  messagesDeleted: 'messages_deleted',
  conversationsUnanswered: 'conversations_unanswered',
  sendsSent: 'sends_sent',
  sendsFailed: 'sends_failed',
  sendsUnclear: 'sends_unclear',
  sendsCancelled: 'sends_cancelled',
  syncsSucceeded: 'syncs_succeeded',
  syncsFailed: 'syncs_failed',
  webhooksMissed: 'webhooks_missed',
  webhooksMissedInDowntime: 'webhooks_missed_in_downtime',
} as const satisfies Partial<Record<keyof Figures, string>>;

const sum = (column: string): Sql => sql`coalesce(sum(d.${sql.ref(column)}), 0)::float8`;
const figures = sql`${sql.join(Object.entries(sums).map(([name, column]) => sql`${sum(column)} as ${sql.ref(name)}`))},
  coalesce(sum(cardinality(d.response_seconds)), 0)::float8 as "conversationsAnswered",
  case when sum(d.messages_live) > 0 then greatest(0,
    1 - sum(d.webhooks_missed + d.webhooks_missed_in_downtime)::float8 / sum(d.messages_live)) end as coverage`;

/** Of all single response times; a median of medians would be another number. */
const percentiles = sql`
  percentile_cont(0.5) within group (order by s.seconds) as "firstResponseMedian",
  percentile_cont(0.9) within group (order by s.seconds) as "firstResponseP90"`;

const ofAccounts = ({ tenantId, owner, channel, account }: DaysFilter): Sql =>
  sql.join(
    [
      sql`a.tenant_id = ${tenantId}`,
      ...(account === undefined ? [] : [sql`a.id = ${account}`]),
      ...(owner === undefined ? [] : [sql`a.owner = ${owner}`]),
      ...(channel === undefined ? [] : [sql`a.channel = ${channel}`]),
    ],
    sql` and `,
  );

const wanted = (filter: DaysFilter): Sql => sql`
  ${ofAccounts(filter)} and d.tenant_id = ${filter.tenantId}
    and d.day between ${filter.from}::date and ${filter.to}::date
    ${filter.account === undefined ? sql`` : sql`and d.account_id = ${filter.account}`}`;

/** How many accounts a question is about. */
export async function countAccounts(em: Em, filter: DaysFilter): Promise<number> {
  const [found] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from accounts a where ${ofAccounts(filter)}`,
  );
  return found?.n ?? 0;
}

const columnsOf: Readonly<Record<Grouping, readonly ('channel' | 'owner' | 'account')[]>> = {
  owner: ['channel', 'owner'],
  channel: ['channel'],
  account: ['channel', 'owner', 'account'],
  none: [],
};
const source = { channel: sql`a.channel`, owner: sql`a.owner`, account: sql`d.account_id::text` };

/**
 * Rows by date, channel, owner and account, those after a place. A conversation is of one account, so that those of several
 * accounts on one day add up.
 */
export function readDays(
  em: Em,
  filter: DaysFilter,
  by: Grouping,
  { after, limit }: { after: GroupPlace | null; limit: number },
): Promise<GroupDay[]> {
  const part = (name: 'channel' | 'owner' | 'account'): Sql => (columnsOf[by].includes(name) ? source[name] : sql`''`);
  const place = sql`${part('channel')}, ${part('owner')}, ${part('account')}`;
  const rest = after
    ? sql`and (d.day, ${place}) > (${after.date}::date, ${after.channel}, ${after.owner}, ${after.account})`
    : sql``;
  return rows<GroupDay>(
    em,
    sql`with d as materialized (
          select d.*, ${part('channel')} as channel, ${part('owner')} as owner, ${part('account')} as account
          from account_days d join accounts a on a.id = d.account_id where ${wanted(filter)} ${rest}),
        g as materialized (
          select d.day, d.channel, d.owner, d.account, ${figures}, ${sum('conversations')} as conversations from d group by 1, 2, 3, 4 order by 1, 2, 3, 4
          limit ${limit}),
        p as (
          select d.day, d.channel, d.owner, d.account, ${percentiles}
          from d join g using (day, channel, owner, account) cross join lateral unnest(d.response_seconds) s (seconds)
          group by 1, 2, 3, 4)
        select g.day::text as date, g.*, p."firstResponseMedian", p."firstResponseP90"
        from g left join p using (day, channel, owner, account)
        order by g.day, g.channel, g.owner, g.account`,
  );
}

/** A period as a whole: each conversation once, however many of its days there are. */
export async function readTotals(em: Em, filter: DaysFilter): Promise<Figures> {
  const [found] = await rows<Figures>(
    em,
    sql`with d as materialized (
          select d.* from account_days d join accounts a on a.id = d.account_id where ${wanted(filter)})
        select ${figures}, (
            select count(distinct c.conversation_id)::float8 from accounts a join conversation_days c on c.account_id = a.id
            where ${ofAccounts(filter)} and c.day between ${filter.from}::date and ${filter.to}::date
              and c.incoming + c.outgoing + c.unknown > 0) as conversations,
          (select percentile_cont(0.5) within group (order by s.seconds)
            from d cross join lateral unnest(d.response_seconds) s (seconds)) as "firstResponseMedian",
          (select percentile_cont(0.9) within group (order by s.seconds)
            from d cross join lateral unnest(d.response_seconds) s (seconds)) as "firstResponseP90"
        from d`,
  );
  if (!found) throw new Error('A sum has one row.');
  return found;
}

/** Since when changes of the tenant wait to be counted; null where none does. */
export async function waitingSince(em: Em, tenantId: string): Promise<Date | null> {
  const [found] = await rows<{ at: string | null }>(
    em,
    sql`select min(marked_at)::text as at from analytics_marks where tenant_id = ${tenantId}`,
  );
  return found?.at ? new Date(found.at) : null;
}
