import { z } from 'zod';
import type { GroupDay } from '../../db/queries/analytics/read-days.ts';
import { figuresJson, type PeriodTotals } from '../../services/analytics/read-daily.ts';

const count = z.number().int().min(0);
const day = z.iso.date();

const figuresAnswer = {
  messages_total: count.describe('Incoming, outgoing, and those of which the provider does not tell the direction.'),
  messages_incoming: count,
  messages_outgoing: count.describe('Those that went out: not the ones that wait or failed.'),
  messages_deleted: count.describe('Deleted later; they are in none of the numbers before.'),
  conversations: count.describe('In which something was written.'),
  conversations_answered: count.describe(
    "Of the conversations with an incoming message those in which something was sent after the day's first one, on whatever day.",
  ),
  conversations_unanswered: count.describe('The others of these.'),
  first_response_median_seconds: z
    .number()
    .nullable()
    .describe(
      "From the day's first incoming message of a conversation to the first one sent after it; null without any.",
    ),
  first_response_p90_seconds: z.number().nullable().describe('Nine of ten were as fast.'),
  sends_sent: count.describe('Messages that you sent through Patchbay, by what became of them.'),
  sends_failed: count,
  sends_unclear: count,
  sends_cancelled: count,
  syncs_succeeded: count.describe('Syncs that ended on the day.'),
  syncs_failed: count,
  webhooks_missed: count.describe('Messages that a webhook should have brought, and that a sync found.'),
  webhooks_missed_in_downtime: count.describe('Others, sent while Patchbay took no webhooks in.'),
  coverage: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe('The share of new messages that webhooks brought; null without any.'),
};

export const dailyRowAnswer = z
  .object({
    date: day.describe("A day in the tenant's time zone."),
    channel: z.string().nullable(),
    owner: z.string().nullable(),
    account_id: z.string().nullable(),
    ...figuresAnswer,
  })
  .meta({ id: 'DailyAnalytics' });

export const periodAnswer = z.object({ from: day, to: day, ...figuresAnswer }).meta({ id: 'AnalyticsPeriod' });

export const dailyRowView = (row: GroupDay): z.input<typeof dailyRowAnswer> => ({
  date: row.date,
  channel: row.channel || null,
  owner: row.owner || null,
  account_id: row.account || null,
  ...figuresJson(row),
});

export const periodView = ({ from, to, figures }: PeriodTotals): z.input<typeof periodAnswer> => ({
  from,
  to,
  ...figuresJson(figures),
});

/** The columns of a table of rows. */
export const dailyColumns = Object.keys(dailyRowAnswer.shape) as (keyof z.output<typeof dailyRowAnswer>)[];
