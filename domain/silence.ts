const hour = 3_600_000;
const day = 24 * hour;

/** How far back an account's habit is read, in milliseconds. */
export const habitMs = 28 * day;

/** When messages came in to an account, as far as they are stored and no older than `habitMs`. */
export interface Habit {
  /** The first of them, in milliseconds since the epoch; null where there is none. */
  since: number | null;
  /** In how many hours at least one came. */
  busyHours: number;
  /** The longest times without one, in milliseconds and up to an hour too long, the longest first. */
  gaps: readonly number[];
}

/** How an account's present silence compares with its habit. Times are milliseconds. */
export interface Silence {
  /** Since the last sign of life; null where there was none. */
  silentMs: number | null;
  /** The longest silence that is usual; null while too little is known. */
  usualMs: number | null;
  /** From when on a silence is unusual. */
  unusualAfterMs: number | null;
  isUnusual: boolean;
}

/** A habit is known once messages of so long are stored: a weekend is among them. In milliseconds. */
const knownAfterMs = 7 * day;
/** The same of hours with messages. */
const knownBusyHours = 24;
/** From here on one long gap counts as an incident and not as the habit, in milliseconds: there were two weekends. */
const forgivesAfterMs = 14 * day;
/** How much longer than usual is unusual. */
const unusualTimes = 1.5;
/** A shorter silence is never unusual, in milliseconds. */
const shortestMs = 2 * hour;

/**
 * Compares the silence since `lastAt` (milliseconds since the epoch; null: never a sign of life) with what is usual for the
 * account: one and a half times its longest gap of four weeks, of which the very longest is left out after two weeks.
 */
export function silenceOf({ since, busyHours, gaps }: Habit, lastAt: number | null, now: number): Silence {
  const silentMs = lastAt === null ? null : Math.max(0, now - lastAt);
  if (since === null || now - since < knownAfterMs || busyHours < knownBusyHours)
    return { silentMs, usualMs: null, unusualAfterMs: null, isUnusual: false };
  const sorted = gaps.toSorted((a, b) => b - a);
  const usualMs = (now - since < forgivesAfterMs ? sorted[0] : (sorted[1] ?? sorted[0])) ?? hour;
  const unusualAfterMs = Math.max(shortestMs, unusualTimes * usualMs);
  return { silentMs, usualMs, unusualAfterMs, isUnusual: silentMs !== null && silentMs > unusualAfterMs };
}
