/** The path names the unit of `ours` and `baseline`. */
export interface Row {
  path: string;
  ours: number;
  /** The baseline's name; empty without one. */
  against: string;
  baseline: number | null;
  /** ours / baseline; null without a baseline or when it is 0. */
  ratio: number | null;
  /** The least ratio, of times the most, or the most that `ours` may be without a baseline. Null: no goal. */
  goal: number | null;
  /** Also true without a goal. */
  ok: boolean;
}

/** The goal is the least ratio. */
export const faster = (path: string, ours: number, against: string, baseline: number, goal: number | null): Row => {
  const ratio = ratioOf(ours, baseline);
  return {
    path,
    ours: round(ours),
    against,
    baseline: round(baseline),
    ratio,
    goal,
    ok: goal === null || ours >= goal * baseline,
  };
};

/** The goal is the most ratio. */
export const noSlower = (path: string, ours: number, against: string, baseline: number, goal: number): Row => ({
  ...faster(path, ours, against, baseline, null),
  goal,
  ok: ours <= goal * baseline,
});

/** A number that may not exceed `goal`. */
export const atMost = (path: string, ours: number, against: string, goal: number): Row => ({
  path,
  ours: round(ours),
  against,
  baseline: null,
  ratio: null,
  goal,
  ok: ours <= goal,
});

/** A number without a goal, beside the baseline's. */
export const informative = (path: string, ours: number, against: string, baseline: number | null): Row => ({
  path,
  ours: round(ours),
  against,
  baseline: baseline === null ? null : round(baseline),
  ratio: baseline === null ? null : ratioOf(ours, baseline),
  goal: null,
  ok: true,
});

const ratioOf = (ours: number, baseline: number): number | null => (baseline === 0 ? null : round(ours / baseline));

/** To three significant digits; from 1000 to a whole number. */
const round = (value: number): number => (Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(3)));

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  if (low === undefined || high === undefined) throw new Error('nothing was measured');
  return (low + high) / 2;
}
