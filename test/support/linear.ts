const size = 5_000_000;
const part = 10;

/** CPU time of a call in milliseconds, the lesser of two: what else the machine does makes it longer. */
function costOf(call: () => unknown): number {
  const once = (): number => {
    const before = process.cpuUsage();
    call();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  return Math.min(once(), once());
}

/**
 * Fails unless reading 5 MB costs about ten times as much as reading a tenth of it; what is not linear costs a hundred times
 * as much or more. `bodyOf` makes a body of about so many characters.
 */
export function expectLinear(bodyOf: (size: number) => string, read: (body: string) => unknown): void {
  const [small, large] = [bodyOf(size / part), bodyOf(size)];
  // Below some milliseconds a measure says little.
  const least = Math.max(
    costOf(() => read(small)),
    5,
  );
  expect(costOf(() => read(large)) / least).toBeLessThan(part * 4);
}
