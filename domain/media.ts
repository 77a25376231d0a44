import { failureRow, type FailureCode } from './failures.ts';

/**
 * Why the file of an attachment cannot be had any more. `gone`: the provider does not have it. `too_large`: it is larger
 * than what is kept. `refused`: the provider refuses to give it. `given_up`: it could not be fetched for two weeks.
 */
export type UnavailableReason = 'gone' | 'too_large' | 'refused' | 'given_up';

const minute = 60_000;
const hour = 60 * minute;

/** Files of history wait, so that those of new messages come first. */
export const fetchHistoryAfterMs = 10 * minute;

/** The longest pause between two fetches of one file. */
const longestPauseMs = 6 * hour;
/** How soon a file is tried again whose account cannot be used at the moment. */
const accountPauseMs = hour;
/** How long a file is tried, from when it became known. */
const triedForMs = 14 * 24 * hour;
/** A provider that refuses a file so often will not give it. */
const mostRefusals = 3;

/** A fetch that failed. `tries`: how often it failed before; `ageMs`: since when the file is known. */
export interface FailedFetch {
  code: FailureCode;
  tries: number;
  ageMs: number;
  retryAfterMs: number | undefined;
}

/** What follows a failed fetch: another one in `inMs`, or none. `tries`: the failures to remember. */
export type AfterFailure = { inMs: number; tries: number } | { unavailable: UnavailableReason };

export function afterFailedFetch({ code, tries, ageMs, retryAfterMs = 0 }: FailedFetch): AfterFailure {
  if (ageMs > triedForMs) return { unavailable: 'given_up' };
  const isOfFile = code === 'request_refused' || code === 'not_found';
  if (isOfFile && tries + 1 >= mostRefusals) return { unavailable: 'refused' };
  if (!isOfFile && !isPassing(code)) return { inMs: accountPauseMs, tries };
  const pauseMs = Math.min(minute * 2 ** Math.min(tries, 10), longestPauseMs);
  return { inMs: Math.max(pauseMs, retryAfterMs), tries: tries + 1 };
}

/** Whether the same call may succeed soon: every call of the account waits meanwhile. */
export function isPassing(code: FailureCode): boolean {
  const { action } = failureRow(code);
  return action === 'retry' || action === 'wait';
}
