/** The machine's time plus the advances. Times are epoch milliseconds. */
export interface Clock {
  now(): number;
  iso(): string;
  offsetSeconds(): number;
  /** Negative: back. What is planned waits longer then. */
  advance(seconds: number): void;
  /** Resolves once the offset differs from `seconds`. */
  otherThan(seconds: number, signal: AbortSignal): Promise<void>;
  /** Returns the function that cancels the job. */
  at(at: number, job: () => void): () => void;
  /** Back to the machine's time, with nothing planned. */
  reset(): void;
}

interface Plan {
  at: number;
  job: () => void;
  timer: NodeJS.Timeout;
}

/** setTimeout counts in 32 bits: longer waits are split. */
const LONGEST_WAIT = 2 ** 31 - 1;

export function createClock(): Clock {
  let offset = 0;
  const plans = new Set<Plan>();
  const moved = new EventTarget();
  const now = (): number => Date.now() + offset;

  const arm = (plan: Plan): void => {
    clearTimeout(plan.timer);
    const wait = Math.min(Math.max(plan.at - now(), 0), LONGEST_WAIT);
    plan.timer = setTimeout(() => fire(plan), wait);
    plan.timer.unref();
  };
  const fire = (plan: Plan): void => {
    if (!plans.has(plan)) return;
    if (plan.at > now()) return arm(plan);
    plans.delete(plan);
    plan.job();
  };

  return {
    now,
    iso: () => new Date(now()).toISOString(),
    offsetSeconds: () => offset / 1000,
    advance(seconds) {
      offset += Math.round(seconds * 1000);
      const due = [...plans].toSorted((a, b) => a.at - b.at);
      for (const plan of due) {
        if (plan.at <= now()) {
          clearTimeout(plan.timer);
          fire(plan);
        } else arm(plan);
      }
      moved.dispatchEvent(new Event('moved'));
    },
    async otherThan(seconds, signal) {
      while (offset === seconds * 1000 && !signal.aborted)
        await new Promise<void>((resolve) => {
          moved.addEventListener('moved', () => resolve(), { once: true, signal });
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
    },
    at(at, job) {
      const plan: Plan = { at, job, timer: setTimeout(() => {}, 0) };
      plans.add(plan);
      arm(plan);
      return () => {
        clearTimeout(plan.timer);
        plans.delete(plan);
      };
    },
    reset() {
      for (const plan of plans) clearTimeout(plan.timer);
      plans.clear();
      offset = 0;
      moved.dispatchEvent(new Event('moved'));
    },
  };
}
