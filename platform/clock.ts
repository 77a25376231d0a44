/** The one clock. SQL takes its `now` as a parameter, so that a stack can live at another time than its machine. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/**
 * A clock that follows the sandbox's, for local stacks: asks every `everyMs` how far it was moved. `onJump` runs when
 * time was moved, so that what is due by the new time need not wait. When the sandbox does not answer, the last
 * offset stays.
 */
export function followSandbox(
  controlUrl: string,
  onJump: () => void = () => {},
  everyMs = 500,
): Clock & { stop(): void } {
  let offsetMs = 0;
  const ask = async (): Promise<void> => {
    try {
      const answer = await fetch(new URL('/clock', controlUrl), { signal: AbortSignal.timeout(2_000) });
      const { offset_seconds: seconds } = (await answer.json()) as { offset_seconds: number };
      if (!Number.isFinite(seconds)) return;
      const jumped = Math.abs(seconds * 1000 - offsetMs) >= 1000;
      offsetMs = seconds * 1000;
      if (jumped) onJump();
    } catch {
      // A sandbox that is being restarted answers again soon.
    }
  };
  void ask();
  const timer = setInterval(() => void ask(), everyMs);
  timer.unref();
  return { now: () => new Date(Date.now() + offsetMs), stop: () => clearInterval(timer) };
}
