import { setTimeout as sleep } from 'node:timers/promises';

/** `done`: the result once there is one; `progress`: what changes while work goes on. */
interface Progress<T> {
  done: T | null;
  progress: unknown;
}

const pollMs = 1_000;

/** Repeats `ask` until it is done; fails with `what` once its progress has not changed for `stalledMs`. */
export async function whileProgress<T>(what: string, ask: () => Promise<Progress<T>>, stalledMs = 180_000): Promise<T> {
  let last: unknown;
  for (let since = Date.now(); ;) {
    const { done, progress } = await ask();
    if (done !== null) return done;
    const now = JSON.stringify(progress);
    if (now !== last) [last, since] = [now, Date.now()];
    if (Date.now() - since > stalledMs) throw new Error(`${what}: no progress for ${stalledMs} ms at ${now}`);
    await sleep(pollMs);
  }
}
