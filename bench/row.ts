/** One line of the answer. Speeds are in what the path says; `goal` is in the unit of what it is about. */
export interface Row {
  path: string;
  ours: number;
  /** What it is compared with; empty where it stands alone. */
  against: string;
  baseline: number | null;
  /** ours / baseline; null without a baseline or where that is 0. */
  ratio: number | null;
  /** What must hold, in numbers: a ratio, or a bound of `ours` where there is no baseline. Null: only told. */
  goal: number | null;
  /** Whether the goal holds; true where there is none. */
  ok: boolean;
}

/** How much faster than something: the goal is the least ratio. */
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

/** Something that may not exceed `goal`. */
export const atMost = (path: string, ours: number, against: string, goal: number): Row => ({
  path,
  ours: round(ours),
  against,
  baseline: null,
  ratio: null,
  goal,
  ok: ours <= goal,
});

/** Something that is told beside: what both cost. */
export const told = (path: string, ours: number, against: string, baseline: number | null): Row => ({
  path,
  ours: round(ours),
  against,
  baseline: baseline === null ? null : round(baseline),
  ratio: baseline === null ? null : ratioOf(ours, baseline),
  goal: null,
  ok: true,
});

const ratioOf = (ours: number, baseline: number): number | null => (baseline === 0 ? null : round(ours / baseline));

/** Three digits that count; whole numbers stay whole. */
const round = (value: number): number => (Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(3)));

/** The middle of several measurements; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  if (low === undefined || high === undefined) throw new Error('nothing was measured');
  return (low + high) / 2;
}
