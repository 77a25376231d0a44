import { InvalidArgumentError, Option, type Command } from 'commander';
import { groupings, type Grouping } from '../domain/analytics.ts';
import { figuresJson, filterOf, readPeriods, readRows } from '../services/analytics/read-daily.ts';
import { channelNames } from '../domain/channels.ts';
import { tenantOption } from './environment.ts';
import { limitOption } from './limit.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';

interface DailyOptions {
  tenant: string;
  owner?: string;
  channel?: string;
  account?: string;
  from?: string;
  to?: string;
  by: Grouping;
  limit: number;
  json?: boolean;
}

const dayOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text: string): string => {
    const isDay = /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
    if (!isDay) throw new InvalidArgumentError('It takes a day such as 2026-03-29.');
    return text;
  });

export function addAnalytics(program: Command): void {
  const analytics = program.command('analytics').description('figures by day: messages, conversations, response times');
  analytics
    .command('daily', { isDefault: true })
    .description('the figures of each day, and of the whole period')
    .addOption(tenantOption())
    .option('--owner <owner>', 'only of this owner')
    .addOption(new Option('--channel <channel>', 'only of this channel').choices(channelNames))
    .option('--account <id>', 'only of this account')
    .addOption(dayOption('--from <day>', "the first day, in the tenant's time zone; 30 days in all when left out"))
    .addOption(dayOption('--to <day>', 'the last day; today when left out'))
    .addOption(new Option('--by <what>', 'what one line is of, beside its day').choices(groupings).default('owner'))
    .addOption(limitOption())
    .option('--json', 'for machines')
    .action(async (options: DailyOptions) =>
      print(await daily(options), options, ({ items, totals }) =>
        table(
          [...items, ...(items.length ? [{ ...totals, date: 'all days' }] : [])].map(lineOf),
          'nothing is counted of these days',
        ),
      ),
    );
  analytics
    .command('count')
    .description('count what changed now, and not only at the next hour')
    .option('--json', 'for machines')
    .action(async (options: { json?: boolean }) => {
      await withContext(({ temporal }) => temporal.runAnalytics());
      print({ started: true }, options, () => 'counting has been started');
    });
}

const daily = ({ tenant: name, by, limit, ...question }: DailyOptions) =>
  withContext(async ({ db, clock }) => {
    const { id } = await tenantNamed(db, name);
    return db.tenant(id, async (em) => {
      const filter = await filterOf(em, id, clock.now(), question);
      const rows = await readRows(em, filter, by, { after: null, limit });
      const { totals } = await readPeriods(em, filter);
      return {
        items: rows.map((row) => ({
          date: row.date,
          channel: row.channel || null,
          owner: row.owner || null,
          account_id: row.account || null,
          ...figuresJson(row),
        })),
        totals: { from: totals.from, to: totals.to, ...figuresJson(totals.figures) },
      };
    });
  });

type Line = ReturnType<typeof figuresJson> & { date: string; channel?: string | null; owner?: string | null };

const lineOf = (line: Line & { account_id?: string | null }) => ({
  date: line.date,
  channel: line.channel,
  owner: line.owner,
  ...(line.account_id && { account: line.account_id }),
  messages: line.messages_total,
  incoming: line.messages_incoming,
  outgoing: line.messages_outgoing,
  conversations: line.conversations,
  unanswered: line.conversations_unanswered,
  'median answer': line.first_response_median_seconds === null ? '' : `${line.first_response_median_seconds} s`,
  failed: line.sends_failed,
});
