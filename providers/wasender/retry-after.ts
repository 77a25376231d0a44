import { asObject, number } from './fields.ts';

/** Quotas of a day exist; a longer pause than that is a mistake. */
const longestMs = 24 * 60 * 60_000;
/** No wait is this many seconds, and no present time is less: tells the two apart. */
const timesBegin = 1_000_000_000;

/**
 * How long an answer over a limit asks to wait, in milliseconds from `now`: `retry_after` of the body, else the header
 * of that name, else the end of the window. Each may be seconds left or a Unix time, in seconds or milliseconds, as the
 * documentation contradicts itself. Undefined where nothing is said.
 */
export function retryAfterMs(
  body: unknown,
  headers: Readonly<Record<string, unknown>>,
  now: number,
): number | undefined {
  const said = [
    number(asObject(body), 'retry_after'),
    seconds(headers['retry-after']),
    seconds(headers['x-ratelimit-reset']),
  ].find((one) => one !== null && one >= 0);
  if (said === undefined || said === null) return undefined;
  return Math.min(Math.max(fromNow(said, now), 0), longestMs);
}

function fromNow(said: number, now: number): number {
  if (said < timesBegin) return Math.ceil(said * 1000);
  return (said < timesBegin * 1000 ? said * 1000 : said) - now;
}

/** A header as a number; a date becomes its Unix time. */
function seconds(header: unknown): number | null {
  if (typeof header !== 'string' || header.trim() === '') return null;
  if (!Number.isNaN(Number(header))) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : date / 1000;
}
