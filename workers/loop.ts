export interface Loop {
  /** Runs the work at once, or once more after the present round. */
  nudge(): void;
  /** Resolves when the present round has ended. */
  stop(): Promise<void>;
}

/**
 * Runs `work` now, every `everyMs` and on `nudge`, one round at a time; waiting rounds become one. `work` never throws.
 */
export function startLoop(everyMs: number, work: () => Promise<void>): Loop {
  let stopped = false;
  let running = Promise.resolve();
  let waiting = false;
  const nudge = (): void => {
    if (waiting) return;
    waiting = true;
    running = running.then(async () => {
      waiting = false;
      if (!stopped) await work();
    });
  };
  const timer = setInterval(nudge, everyMs);
  nudge();
  return {
    nudge,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
