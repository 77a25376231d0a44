import { freeIn, gapMs, pressureFrom } from '../../domain/call-pressure.ts';

const now = new Date('2026-11-02T10:00:00Z');
const after = (ms: number): Date => new Date(now.getTime() + ms);

it.each([
  [0, null],
  [79.9, null],
  [80, { percent: 80, until: after(300_000) }],
  [100, { percent: 100, until: after(300_000) }],
])('%s %% counts as it is told', (percent, kept) => {
  expect(pressureFrom({ percent, until: null }, now)).toEqual(kept);
});

it('lasts until the provider takes calls again, where it says when', () => {
  const until = after(45 * 60_000);
  expect(pressureFrom({ percent: 120, until }, now)).toEqual({ percent: 120, until });
  expect(pressureFrom({ percent: 90, until }, now)?.until).toEqual(after(300_000));
  expect(pressureFrom({ percent: 120, until: after(-1) }, now)?.until).toEqual(after(300_000));
});

it('slows calls more the fuller the limit is', () => {
  expect([80, 84, 92, 100].map(gapMs)).toEqual([200, 400, 1_600, 6_400]);
});

it('lets a call go after its rest, backfill after four, and none before the time of a full limit', () => {
  const slow = { percent: 84, until: after(60_000), nextAt: after(100) };
  expect(freeIn(slow, 'live', now)).toBe(100);
  expect(freeIn(slow, 'backfill', now)).toBe(1_300);
  expect(freeIn({ ...slow, nextAt: after(-1) }, 'live', now)).toBe(0);
  expect(freeIn({ ...slow, until: now }, 'live', now)).toBe(0);
  expect(freeIn({ ...slow, percent: 100 }, 'live', now)).toBe(60_000);
  // A clock that went back by an hour.
  expect(freeIn({ ...slow, nextAt: after(3_600_000) }, 'live', now)).toBe(1_600);
});
