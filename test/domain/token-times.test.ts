import { earliest, isSameEnd, nextTryAt, tokenTimes } from '../../domain/token-times.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = new Date('2026-06-01T12:00:00Z');
const later = (ms: number): Date => new Date(now.getTime() + ms);
const inMs = (at: Date | null): number | null => at && at.getTime() - now.getTime();

describe('D4: a token', () => {
  it('is renewed at half of its life, a little earlier by chance, never later', () => {
    const keys = { apiKey: 'a', expiresAt: later(60 * day).getTime() };
    expect(inMs(tokenTimes(keys, now, 0).refreshAt)).toBe(30 * day);
    expect(inMs(tokenTimes(keys, now, 1).refreshAt)).toBe(27 * day);
    const drawn = Array.from({ length: 200 }, () => inMs(tokenTimes(keys, now).refreshAt) ?? 0);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(30 * day);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(27 * day);
    expect(new Set(drawn.map((ms) => Math.round(ms / hour))).size).toBeGreaterThan(20);
  });

  it('is renewed when its provider says', () => {
    const keys = { apiKey: 'a', expiresAt: later(60 * day).getTime(), refreshAt: later(10 * day).getTime() };
    expect(inMs(tokenTimes(keys, now, 0).refreshAt)).toBe(10 * day);
    expect(inMs(tokenTimes({ ...keys, refreshAt: now.getTime() - day }, now, 1).refreshAt)).toBe(-day);
  });

  it('has its owner asked seven days before the end, or in the last quarter of a short life', () => {
    const asked = (life: number): number | null =>
      inMs(tokenTimes({ apiKey: 'a', expiresAt: later(life).getTime() }, now).askAt);
    expect(asked(60 * day)).toBe(53 * day);
    expect(asked(8 * hour)).toBe(6 * hour);
  });

  it('without an end is left alone', () => {
    expect(tokenTimes({ apiKey: 'a' }, now)).toEqual({ refreshAt: null, askAt: null, expireAt: null });
  });
});

describe('D4: a renewal that failed is tried again', () => {
  it('after one hour, after four, then daily', () => {
    const end = later(60 * day);
    expect([1, 2, 3, 4, 40].map((failures) => inMs(nextTryAt(failures, now, end)))).toEqual([
      hour,
      4 * hour,
      day,
      day,
      day,
    ]);
    expect(inMs(nextTryAt(9, now, null))).toBe(day);
  });

  it('more often when the end is near, but hourly at most', () => {
    expect(inMs(nextTryAt(9, now, later(20 * hour)))).toBe(10 * hour);
    expect(inMs(nextTryAt(9, now, later(hour)))).toBe(hour);
  });
});

it('two ends are one where they differ by seconds', () => {
  expect(isSameEnd(now, later(59_000))).toBe(true);
  expect(isSameEnd(now, later(day))).toBe(false);
  expect(isSameEnd(null, null)).toBe(false);
});

it('takes the earliest of the times that are known', () => {
  expect(earliest(later(2), null, later(1))).toEqual(later(1));
  expect(earliest(null)).toBeNull();
});
