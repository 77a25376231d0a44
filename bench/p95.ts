import type { BenchStack } from './stack.ts';

/** Requests that are measured, one after the other, after some that warm up. */
const requests = { warm: 10, measured: 100 };

/** Milliseconds within which 95 of 100 requests are answered; `path` is of the n-th one. */
export async function p95({ api }: BenchStack, path: (n: number) => string, signal: AbortSignal): Promise<number> {
  const took: number[] = [];
  for (let n = 0; n < requests.warm + requests.measured && !signal.aborted; n += 1) {
    const began = performance.now();
    await api('GET', path(n));
    took.push(performance.now() - began);
  }
  const sorted = took.slice(requests.warm).toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
}
