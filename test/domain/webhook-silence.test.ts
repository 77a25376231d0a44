import { habitAfter, silentSince, unusualAfterMs, upSince, type Habit } from '../../domain/webhook-silence.ts';

const hour = 3_600_000;
const day = 24 * hour;
const start = Date.UTC(2026, 4, 4);
const none: Habit = { lastEventAt: null, usualGapMs: null, gaps: 0 };

/** Events at these hours since the start. */
const after = (hours: readonly number[], from = none): Habit =>
  hours.reduce((habit, at) => habitAfter(habit, start + at * hour), from);

it('an account is silent against its own habit: one that writes hourly after some hours, one that rests at weekends not on Monday', () => {
  const hourly = after(Array.from({ length: 48 }, (_, n) => n));
  expect(silentSince(hourly, null, start + 49 * hour)).toBeNull();
  expect(silentSince(hourly, null, start + 51 * hour)).toBe(start + 47 * hour);
  const office = after(
    Array.from({ length: 21 }, (_, n) => n)
      .filter((n) => n % 7 < 5)
      .flatMap((n) => [8, 10, 12, 14, 16].map((h) => n * 24 + h)),
  );
  const friday = start + (18 * 24 + 16) * hour;
  expect(silentSince(office, null, friday + 64 * hour)).toBeNull();
  expect(silentSince(office, null, friday + 6 * day)).toBe(friday);
});

it('knows no habit from few silences, and calls none unusual before two hours', () => {
  expect(silentSince(after([0, 1, 2]), null, start + 90 * day)).toBeNull();
  expect(unusualAfterMs(after([0, 1, 2]))).toBeNull();
  const busy = after(Array.from({ length: 40 }, (_, n) => n / 60));
  expect(unusualAfterMs(busy)).toBe(2 * hour);
});

it('forgets half of a long silence in two weeks', () => {
  const habit = after([0, 1, 2, 3, 4, 5, 105]);
  expect(habit.usualGapMs).toBe(100 * hour);
  const later = after(
    Array.from({ length: 14 * 24 }, (_, n) => 106 + n),
    habit,
  );
  expect(later.usualGapMs! / hour).toBeGreaterThan(48);
  expect(later.usualGapMs! / hour).toBeLessThan(51);
});

it('no event changes nothing, and neither does one that came late', () => {
  const habit = after([0, 1, 2]);
  expect(habitAfter(habit, null)).toBe(habit);
  expect(habitAfter(habit, start)).toBe(habit);
});

it('our own silence is not an account’s: time in which nothing could be taken in does not count', () => {
  const hourly = after(Array.from({ length: 48 }, (_, n) => n));
  const at = start + 60 * hour;
  expect(silentSince(hourly, at - hour, at)).toBeNull();
  expect(silentSince(hourly, at - 3 * hour, at)).toBe(start + 47 * hour);
  expect(upSince([])).toBeNull();
  // Two processes that follow each other without a break, after one that ended long before.
  const times = [
    { from: 0, to: 10_000 },
    { from: 500_000, to: 700_000 },
    { from: 690_000, to: 900_000 },
  ];
  expect(upSince(times)).toBe(500_000);
});
