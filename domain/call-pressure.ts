import type { CallKind } from './call-limits.ts';

/** From here on calls slow down, in percent of a provider's limit. */
const slowFromPercent = 80;

/** How long an answer that tells of a nearly full limit counts, and a full one that does not say when it ends. In milliseconds. */
const countsForMs = 5 * 60_000;

/** How full a limit was told to be. */
export interface ToldPressure {
  percent: number;
  /** When calls are taken again; null where that was not told. */
  until: Date | null;
}

/** A limit that slows calls or stops them, as it is stored. */
export interface Pressure {
  percent: number;
  /** It counts until then. */
  until: Date;
  /** Not before then goes the next call out. */
  nextAt: Date;
}

/** What is kept of what was told; null where calls need not slow down. */
export function pressureFrom({ percent, until }: ToldPressure, now: Date): Omit<Pressure, 'nextAt'> | null {
  if (percent < slowFromPercent) return null;
  const full = percent >= 100 && until !== null && until > now;
  return { percent, until: full ? until : new Date(now.getTime() + countsForMs) };
}

/** The rest between two calls, in milliseconds: it doubles with each four percent. */
export const gapMs = (percent: number): number =>
  Math.round(200 * 2 ** ((Math.min(percent, 100) - slowFromPercent) / 4));

/** Backfill leaves so many gaps to live calls. */
const gapsForLive = 4;

/** In how many milliseconds a call may go out; 0: now. */
export function freeIn({ percent, until, nextAt }: Pressure, kind: CallKind, now: Date): number {
  if (until <= now) return 0;
  if (percent >= 100) return until.getTime() - now.getTime();
  const gaps = kind === 'backfill' ? (gapsForLive - 1) * gapMs(percent) : 0;
  // A clock that went back holds nothing up for longer.
  const rest = nextAt.getTime() + gaps - now.getTime();
  return Math.min(Math.max(rest, 0), gapsForLive * gapMs(percent));
}
