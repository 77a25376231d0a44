import { messageStatuses } from './messages.ts';
import type { SweepProgress } from './syncs.ts';

/** Statuses of messages that went out: the others are not counted as outgoing. */
export const outStatuses = messageStatuses.slice(messageStatuses.indexOf('sent'));

/** What one activity counted, and the claim under which others may count the rest. */
export interface CountProgress extends SweepProgress {
  claim: string;
}

/** The most days of one question. */
export const mostDays = 366;

/** By what the rows of an answer are told apart, beside the date. */
export const groupings = ['owner', 'channel', 'account', 'none'] as const;
export type Grouping = (typeof groupings)[number];

/** Of days such as `2026-03-29`: `to` counts too. */
export interface DayRange {
  from: string;
  to: string;
}

const dayMs = 86_400_000;
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export const daysIn = ({ from, to }: DayRange): number => (Date.parse(to) - Date.parse(from)) / dayMs + 1;

/** As many days, right before these. */
export function periodBefore(range: DayRange): DayRange {
  const first = Date.parse(range.from);
  return { from: dayOf(first - daysIn(range) * dayMs), to: dayOf(first - dayMs) };
}

export const plusDays = (day: string, days: number): string => dayOf(Date.parse(day) + days * dayMs);

/** The date that a time has in a zone. */
export const dateIn = (timeZone: string, at: Date): string =>
  new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);
