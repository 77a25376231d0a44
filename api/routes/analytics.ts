import { z } from 'zod';
import type { GroupDay, GroupPlace } from '../../db/queries/analytics/read-days.ts';
import { groupings, mostDays } from '../../domain/analytics.ts';
import { channelNames } from '../../domain/channels.ts';
import { csvLine } from '../../platform/csv.ts';
import { filterOf, readPeriods, readRows, readState, type DailyQuestion } from '../../services/analytics/read-daily.ts';
import type { Context } from '../../services/context.ts';
import { cursorPlace, flag, pageQuery, placeCursor, time, wireTimeOrNull } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { dailyColumns, dailyRowAnswer, dailyRowView, periodAnswer, periodView } from '../views/analytics.ts';

const place = z.strictObject({
  date: z.iso.date(),
  channel: z.string().max(100),
  owner: z.string().max(1_000),
  account: z.union([z.uuid(), z.literal('')]),
});

/** Rows of a CSV that are read at once. */
const csvRows = 1_000;

const getDaily = route({
  name: 'getDailyAnalytics',
  method: 'get',
  path: '/analytics/daily',
  summary: 'Read figures by day: messages, conversations, response times, sends, syncs and what webhooks missed',
  tag: 'analytics',
  scope: 'read',
  query: z.object({
    ...pageQuery,
    owner: z.string().max(255).optional(),
    channel: z.enum(channelNames).optional(),
    account: z.string().optional(),
    from: z.iso
      .date()
      .optional()
      .describe("The first day, in the tenant's time zone. 30 days in all where it is left out."),
    to: z.iso
      .date()
      .optional()
      .describe(`The last day, at most ${mostDays} days in all; today where both are left out.`),
    by: z
      .enum(groupings)
      .default('owner')
      .describe('What one row is of, beside its date: an owner and channel, a channel, an account, or everything.'),
    totals: flag.describe('false: without totals and previous.'),
    format: z
      .enum(['json', 'csv'])
      .default('json')
      .describe('csv: all rows of the period as a file (RFC 4180), without totals.'),
  }),
  answer: z.object({
    items: z.array(dailyRowAnswer).describe('By date, channel, owner and account; days without anything have no row.'),
    next_cursor: z.string().nullable().describe('Null on the last page.'),
    totals: periodAnswer
      .nullable()
      .describe('The period as a whole, each conversation counted once; null on later pages.'),
    previous: periodAnswer.nullable().describe('As many days right before it.'),
    time_zone: z.string(),
    waiting_since: time.nullable().describe('Since when changes of yours wait to be counted; null: all are.'),
  }),
  csv: true,
  handle: async ({ context, principal: { tenantId }, query: { limit, cursor, by, totals, format, ...question } }) => {
    if (format === 'csv') return { lines: await csvOf(context, tenantId, question, by) };
    return context.db.tenant(tenantId, async (em) => {
      const after = cursorPlace(place, cursor);
      const filter = await filterOf(em, tenantId, context.clock.now(), question);
      const rows = await readRows(em, filter, by, { after, limit: limit + 1 });
      const shown = rows.slice(0, limit);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      const periods = after || totals === false ? null : await readPeriods(em, filter);
      const state = await readState(em, tenantId);
      return {
        body: {
          items: shown.map(dailyRowView),
          next_cursor: last
            ? placeCursor({ date: last.date, channel: last.channel, owner: last.owner, account: last.account })
            : null,
          totals: periods && periodView(periods.totals),
          previous: periods && periodView(periods.previous),
          time_zone: state.timeZone,
          waiting_since: wireTimeOrNull(state.waitingSince),
        },
      };
    });
  },
});

/** The question is checked before the first byte; the rows are read while they are sent. */
async function csvOf(context: Context, tenantId: string, question: DailyQuestion, by: (typeof groupings)[number]) {
  const { db, clock } = context;
  const filter = await db.tenant(tenantId, (em) => filterOf(em, tenantId, clock.now(), question));
  const parts = async function* (): AsyncGenerator<string> {
    yield csvLine(dailyColumns);
    for (let after: GroupPlace | null = null; ;) {
      const rows: GroupDay[] = await db.tenant(tenantId, (em) => readRows(em, filter, by, { after, limit: csvRows }));
      yield rows
        .map(dailyRowView)
        .map((row) => csvLine(dailyColumns.map((name) => row[name])))
        .join('');
      const last = rows.at(-1);
      if (!last || rows.length < csvRows) return;
      after = last;
    }
  };
  return { contentType: 'text/csv', name: `analytics_${filter.from}_${filter.to}.csv`, parts: parts() };
}

export const analyticsRoutes = [getDaily];
