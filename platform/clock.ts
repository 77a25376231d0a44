import { setTimeout as sleep } from 'node:timers/promises';

/** SQL takes its `now` as a parameter, so that a stack can live at another time than its machine. */
export interface Clock {
  now(): Date;
  stop?(): void;
}

export const systemClock: Clock = { now: () => new Date() };

const restMs = 500;

/** Follows the sandbox's clock by long polling; `onJump` runs when it moved. The last offset stays while it is down. */
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
        await sleep(restMs, undefined, { ref: false, signal: stopped.signal }).catch(() => undefined);
      }
    }
  };
  void keepFollowing();
  return { now: () => new Date(Date.now() + (offsetSeconds ?? 0) * 1000), stop: () => stopped.abort() };
}
