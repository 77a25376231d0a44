const size = 5_000_000;
const parts = 100;
/** Work that is quadratic costs `parts` times as much in one piece; linear work about as much, give or take a noisy machine. */
const bound = 25;
const tries = 5;

/** CPU time of this thread that a call takes, in milliseconds. */
export function cpuOf(call: () => unknown): number {
  const before = process.threadCpuUsage();
  call();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/**
 * Fails unless reading 5 MB in one piece costs about as much as reading them in a hundred pieces; the least of some tries
 * counts. `bodyOf` makes a body of about so many characters.
 */
export function expectLinear(bodyOf: (size: number) => string, read: (body: string) => unknown): void {
  const [small, large] = [bodyOf(size / parts), bodyOf(size)];
  const ratioOf = (): number => {
    const inPieces = cpuOf(() => {
      for (let n = 0; n < parts; n += 1) read(small);
    });
    return cpuOf(() => read(large)) / Math.max(inPieces, 1);
  };
  let least = ratioOf();
  for (let n = 1; n < tries && least >= bound; n += 1) least = Math.min(least, ratioOf());
  expect(least).toBeLessThan(bound);
}
