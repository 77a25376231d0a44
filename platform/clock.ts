import { setTimeout as sleep } from 'node:timers/promises';

/** The one clock. SQL takes its `now` as a parameter, so that a stack can live at another time than its machine. */
export interface Clock {
  now(): Date;
  /** Of a clock that follows another one: no longer. */
  stop?(): void;
}

export const systemClock: Clock = { now: () => new Date() };

/** How long to leave a sandbox alone that does not answer, in milliseconds. */
const restMs = 500;

/**
 * A clock that follows the sandbox's, for local stacks: told by the sandbox as soon as its clock is moved. `onJump`
 * runs then, so that what is due by the new time need not wait. When the sandbox does not answer, the last offset
 * stays.
 */
export function followSandbox(controlUrl: string, onJump: () => void = () => {}): Required<Clock> {
  const stopped = new AbortController();
  let offsetSeconds: number | null = null;
  const follow = async (): Promise<void> => {
    const url = new URL('/clock', controlUrl);
    if (offsetSeconds !== null) url.searchParams.set('unless', String(offsetSeconds));
    const answer = await fetch(url, { signal: AbortSignal.any([stopped.signal, AbortSignal.timeout(30_000)]) });
    const { offset_seconds: seconds } = (await answer.json()) as { offset_seconds: number };
    if (!Number.isFinite(seconds)) throw new TypeError('this is not the sandbox');
    const jumped = seconds !== (offsetSeconds ?? 0);
    offsetSeconds = seconds;
    if (jumped) onJump();
  };
  const keepFollowing = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        await follow();
      } catch {
        // A sandbox that is being restarted answers again soon.
        await sleep(restMs, undefined, { ref: false, signal: stopped.signal }).catch(() => undefined);
      }
    }
  };
  void keepFollowing();
  return { now: () => new Date(Date.now() + (offsetSeconds ?? 0) * 1000), stop: () => stopped.abort() };
}
