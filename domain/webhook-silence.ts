/** The silences of an account between webhooks, as they are remembered. Times are milliseconds since the epoch. */
export interface Habit {
  lastEventAt: number | null;
  /** The longest silence, of which half is forgotten in two weeks; in milliseconds. */
  usualGapMs: number | null;
  /** How many silences it is drawn from. */
  gaps: number;
}

const hour = 3_600_000;
/** In milliseconds. */
const halfLifeMs = 14 * 24 * hour;
/** No account is called silent before this, in milliseconds. */
const shortestMs = 2 * hour;
/** A silence counts as unusual from this many times the usual one. */
const unusualFrom = 2;
/** Fewer silences are no habit. */
const leastGaps = 5;

/** The habit once a newer event is known. Nights and weekends are part of it: the longest silence counts. */
export function habitAfter(habit: Habit, newestAt: number | null): Habit {
  const { lastEventAt, usualGapMs, gaps } = habit;
  if (newestAt === null || (lastEventAt !== null && newestAt <= lastEventAt)) return habit;
  if (lastEventAt === null) return { ...habit, lastEventAt: newestAt };
  const gap = newestAt - lastEventAt;
  const remembered = (usualGapMs ?? 0) * 0.5 ** (gap / halfLifeMs);
  return { lastEventAt: newestAt, usualGapMs: Math.max(gap, remembered), gaps: gaps + 1 };
}

/** From which silence on an account is silent for longer than it usually is, in milliseconds; null where no habit is known. */
export const unusualAfterMs = ({ usualGapMs, gaps }: Pick<Habit, 'usualGapMs' | 'gaps'>): number | null =>
  usualGapMs === null || gaps < leastGaps ? null : Math.max(shortestMs, unusualFrom * usualGapMs);

/**
 * Since when an account is silent for longer than it usually is; null where it is not, or where no habit is known.
 * `upSince`: since when webhooks can be taken in without a break, as far as that is known: an earlier silence is ours.
 */
export function silentSince(habit: Habit, upSince: number | null, at: number): number | null {
  const { lastEventAt } = habit;
  const unusualMs = unusualAfterMs(habit);
  if (lastEventAt === null || unusualMs === null) return null;
  return at - Math.max(lastEventAt, upSince ?? lastEventAt) > unusualMs ? lastEventAt : null;
}

/** Breaks between two notes of processes that are no break, in milliseconds. */
const slackMs = 60_000;

/** Since when some process could take webhooks in, without a break until now; null where none is known. In milliseconds. */
export function upSince(uptimes: readonly { from: number; to: number }[]): number | null {
  let since: number | null = null;
  for (const { from, to } of uptimes.toSorted((one, other) => other.to - one.to)) {
    if (since !== null && to < since - slackMs) break;
    since = Math.min(since ?? from, from);
  }
  return since;
}
