/** Hours of each day by the clock on the wall, as `HH:MM`: from `from` on, until before `to`, which may be the next day. */
export interface DayHours {
  from: string;
  to: string;
}

const minuteMs = 60_000;
const dayMinutes = 24 * 60;

const minutesOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
const inDay = (minutes: number): number => ((minutes % dayMinutes) + dayMinutes) % dayMinutes;

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What the clock on the wall of a zone shows, in minutes since midnight. */
function wallMinutes(zone: string, at: Date): number {
  const clock =
    clocks.get(zone) ??
    new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  clocks.set(zone, clock);
  return minutesOf(clock.format(at));
}

/**
 * Whether a time is within the hours in a time zone (IANA). The clock on the wall alone decides: an hour that a change to
 * winter time repeats is within them twice, one that summer time skips is not there.
 */
export function isWithin({ from, to }: DayHours, zone: string, at: Date): boolean {
  const length = inDay(minutesOf(to) - minutesOf(from));
  return inDay(wallMinutes(zone, at) - minutesOf(from)) < length;
}

/** The first time from `at` on that is within the hours; `at` itself where it is. */
export const nextWithin = (hours: DayHours, zone: string, at: Date): Date =>
  isWithin(hours, zone, at) ? at : firstAt(hours.from, (time) => isWithin(hours, zone, time), zone, at);

/** The first time from `at` on that is not within the hours; `at` itself where it is not. */
export const nextOutside = (hours: DayHours, zone: string, at: Date): Date =>
  isWithin(hours, zone, at) ? firstAt(hours.to, (time) => !isWithin(hours, zone, time), zone, at) : at;

/** The first time after `at` for which `isWanted` holds, which begins at `wall` or where the clock is put forward past it. */
function firstAt(wall: string, isWanted: (time: Date) => boolean, zone: string, at: Date): Date {
  // Clocks change by whole minutes, and show whole minutes.
  const start = Math.floor(at.getTime() / minuteMs) * minuteMs;
  const until = (from: number): number => from + inDay(minutesOf(wall) - wallMinutes(zone, new Date(from))) * minuteMs;
  const end = until(start);
  const change = changeBetween(zone, start, end);
  if (change === null) return new Date(end);
  if (isWanted(new Date(change))) return new Date(change);
  return new Date(until(change));
}

/** When the clock is changed between two times, to the minute; null where it is not. */
function changeBetween(zone: string, from: number, to: number): number | null {
  const ahead = (time: number): number => inDay(wallMinutes(zone, new Date(time)) - time / minuteMs);
  if (ahead(from) === ahead(to)) return null;
  let [before, after] = [from, to];
  while (after - before > minuteMs) {
    const middle = Math.floor((before + after) / 2 / minuteMs) * minuteMs;
    if (ahead(middle) === ahead(from)) before = middle;
    else after = middle;
  }
  return after;
}
