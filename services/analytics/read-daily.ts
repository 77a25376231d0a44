import type { Em } from '../../db/connect.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import {
  countAccounts,
  readDays,
  readTotals,
  waitingSince,
  type DaysFilter,
  type Figures,
  type GroupDay,
  type GroupPlace,
} from '../../db/queries/analytics/read-days.ts';
import {
  dateIn,
  daysIn,
  mostDays,
  periodBefore,
  plusDays,
  type DayRange,
  type Grouping,
} from '../../domain/analytics.ts';
import { anyAccount } from '../accounts/find-account.ts';
import { Problem } from '../problem.ts';

/** Days of a question that names none, today included. */
const usualDays = 30;
/** Rows of accounts and days that one statement reads, about. */
const rowsAtOnce = 20_000;

/** What a caller asks for: what is left out is not limited. */
export interface DailyQuestion {
  owner?: string | undefined;
  channel?: string | undefined;
  account?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

export interface PeriodTotals extends DayRange {
  figures: Figures;
}

/** The filter of a question, with the period that it means. 404 for an unknown account, 422 for a period that is none. */
export async function filterOf(em: Em, tenantId: string, now: Date, question: DailyQuestion): Promise<DaysFilter> {
  const { timeZone } = await em.findOneOrFail(Tenant, { id: tenantId });
  const to = question.to ?? (question.from ? latestFrom(question.from) : dateIn(timeZone, now));
  const from = question.from ?? plusDays(to, 1 - usualDays);
  if (from > to) throw new Problem('invalid_request', 'from: must not be after to.');
  if (daysIn({ from, to }) > mostDays) throw new Problem('invalid_request', `to: at most ${mostDays} days after from.`);
  const { owner, channel } = question;
  const account = question.account === undefined ? undefined : (await anyAccount(em, question.account)).id;
  return { tenantId, owner, channel, account, from, to };
}

const latestFrom = (from: string): string => plusDays(from, usualDays - 1);

/** At most so many rows after a place. Reads some days at a time, as many as the number of accounts allows. */
export async function readRows(
  em: Em,
  filter: DaysFilter,
  by: Grouping,
  { after, limit }: { after: GroupPlace | null; limit: number },
): Promise<GroupDay[]> {
  const days = Math.max(1, Math.floor(rowsAtOnce / Math.max(1, await countAccounts(em, filter))));
  const found: GroupDay[] = [];
  let from = after ? after.date : filter.from;
  while (from <= filter.to && found.length < limit) {
    const last = plusDays(from, days - 1);
    const to = last < filter.to ? last : filter.to;
    found.push(...(await readDays(em, { ...filter, from, to }, by, { after, limit: limit - found.length })));
    from = plusDays(to, 1);
  }
  return found;
}

/** The period as a whole, and the one of equal length before it. */
export async function readPeriods(
  em: Em,
  filter: DaysFilter,
): Promise<{ totals: PeriodTotals; previous: PeriodTotals }> {
  const before = periodBefore(filter);
  return {
    totals: { from: filter.from, to: filter.to, figures: await readTotals(em, filter) },
    previous: { ...before, figures: await readTotals(em, { ...filter, ...before }) },
  };
}

/** In which zone days are counted, and since when changes wait to be counted. */
export async function readState(em: Em, tenantId: string): Promise<{ timeZone: string; waitingSince: Date | null }> {
  const { timeZone } = await em.findOneOrFail(Tenant, { id: tenantId });
  return { timeZone, waitingSince: await waitingSince(em, tenantId) };
}

/** Figures under the names that the API and the command use. */
export const figuresJson = (figures: Figures) => ({
  messages_total: figures.messagesTotal,
  messages_incoming: figures.messagesIncoming,
  messages_outgoing: figures.messagesOutgoing,
  messages_deleted: figures.messagesDeleted,
  conversations: figures.conversations,
  conversations_answered: figures.conversationsAnswered,
  conversations_unanswered: figures.conversationsUnanswered,
  first_response_median_seconds: figures.firstResponseMedian,
  first_response_p90_seconds: figures.firstResponseP90,
  sends_sent: figures.sendsSent,
  sends_failed: figures.sendsFailed,
  sends_unclear: figures.sendsUnclear,
  sends_cancelled: figures.sendsCancelled,
  syncs_succeeded: figures.syncsSucceeded,
  syncs_failed: figures.syncsFailed,
  webhooks_missed: figures.webhooksMissed,
  webhooks_missed_in_downtime: figures.webhooksMissedInDowntime,
  coverage: figures.coverage,
});
