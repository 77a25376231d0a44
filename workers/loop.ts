/** Work that a process repeats. */
export interface Loop {
  /** Does it at once, or once more after the round that is under way. */
  nudge(): void;
  /** Resolves when the round that is under way has ended. */
  stop(): Promise<void>;
}

/** Does `work` now, every `everyMs`, and on `nudge`, one round at a time; rounds that wait become one. `work` throws nothing. */
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
