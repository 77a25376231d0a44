const tickMs = 20;

export interface Timed<T> {
  value: T;
  /** Milliseconds that this process worked or waited: those that a busy machine did not give it do not count. */
  ms: number;
  /** Milliseconds on the wall. */
  wallMs: number;
}

/** Runs `work`. A bound on `ms` is one on what the work costs and waits for, not on how fast the machine is. */
export async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const began = performance.now();
  let ms = 0;
  let at = began;
  let cpu = process.cpuUsage();
  // A tick that is late although this process used no processor is the machine's delay.
  const count = (): void => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    ms += Math.min(now - at, Math.max(tickMs, (user + system) / 1000));
    at = now;
    cpu = process.cpuUsage();
  };
  const ticking = setInterval(count, tickMs);
  try {
    const value = await work();
    count();
    return { value, ms, wallMs: performance.now() - began };
  } finally {
    clearInterval(ticking);
  }
}
