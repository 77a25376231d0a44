import { createBackOff } from '../../services/reconcile/back-off.ts';

const second = 1_000;
const base = 15 * second;

/** The rounds in which stalled work is retried, `base` apart, in multiples of `base`. */
function tries(rounds: number, mark: (round: number) => string = () => 'same'): number[] {
  const backOff = createBackOff(base);
  return Array.from({ length: rounds }, (_, round) => round).filter((round) => {
    const taken = backOff.take('id', mark(round), round * base);
    backOff.endPass();
    return taken;
  });
}

describe('stalled work', () => {
  it('is retried in the next round, then pauses twice as long after each try', () => {
    expect(tries(40)).toEqual([0, 1, 3, 7, 15, 31]);
  });

  it('pauses an hour at most, so that a day has fewer than forty tries', () => {
    const day = 86_400 / 15;
    const all = tries(day);
    expect(all.length).toBeLessThan(40);
    const gaps = all.slice(1).map((round, n) => round - (all[n] ?? 0));
    expect(Math.max(...gaps)).toBe(3_600 / 15);
  });

  it('is retried at once when other work is stalled, and when it was not stalled for a while', () => {
    expect(tries(6, (round) => (round < 5 ? 'first' : 'second'))).toEqual([0, 1, 3, 5]);
    const backOff = createBackOff(base);
    for (const now of [0, base]) expect(backOff.take('id', 'same', now)).toBe(true);
    // Two passes without it.
    backOff.endPass();
    backOff.endPass();
    expect(backOff.take('id', 'same', 2 * base)).toBe(true);
  });

  it('delays no other work', () => {
    const backOff = createBackOff(base);
    expect(backOff.take('one', 'same', 0)).toBe(true);
    expect(backOff.take('one', 'same', 1)).toBe(false);
    expect(backOff.take('two', 'same', 1)).toBe(true);
  });
});
