import { newId } from '../../platform/ids.ts';
import {
  nextSlot,
  nextVisitAt,
  restAfter,
  tasksOf,
  visitPeriodMs,
  type Due,
  type Visited,
} from '../../domain/visits.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const now = Date.UTC(2026, 4, 4, 10, 0, 7);

const visited: Visited = {
  outcome: 'ok',
  failures: 0,
  isPolled: false,
  webhookState: 'ok',
  isDoubtful: false,
  troubledAt: null,
  lastEventAt: now - minute,
};
const rest = (more: Partial<Visited>): number => restAfter({ ...visited, ...more }, now) / minute;

describe('slots', () => {
  it.each([5, 15, 30, 60, 24 * 60])(
    'spread accounts evenly over %i minutes, also those whose ids follow each other',
    (minutes) => {
      const length = minutes * minute;
      const ids = [
        ...Array.from({ length: 2_000 }, () => newId()),
        ...Array.from({ length: 2_000 }, (_, n) => `0b000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`),
      ];
      const tenths = Array.from({ length: 10 }, () => 0);
      for (const id of ids) {
        const at = nextSlot(id, now, length);
        expect(at).toBeGreaterThan(now);
        expect(at).toBeLessThanOrEqual(now + length);
        tenths[Math.floor(((at - now - 1) / length) * 10)]! += 1;
      }
      for (const n of tenths) expect(n).toBeGreaterThan(250);
      for (const n of tenths) expect(n).toBeLessThan(550);
    },
  );

  it('of an account follow each other by exactly one rest, and those of a longer rest are among those of the shorter', () => {
    const id = newId();
    const first = nextSlot(id, now, visitPeriodMs);
    expect(nextSlot(id, first, visitPeriodMs)).toBe(first + visitPeriodMs);
    expect(nextSlot(id, first - 1, visitPeriodMs)).toBe(first);
    const slow = nextSlot(id, now, hour);
    expect(nextSlot(id, slow - 1, visitPeriodMs)).toBe(slow);
  });
});

describe('rests', () => {
  it('an account with traffic is visited in each sweep', () => expect(rest({})).toBe(5));

  it.each([
    [2, 15],
    [4, 30],
    [8, 60],
  ])('one that is quiet for %i days with a healthy webhook rests for %i minutes', (days, minutes) => {
    const quiet = { lastEventAt: now - days * day };
    expect(rest(quiet)).toBe(minutes);
    // News are asked for at least every quarter of an hour.
    expect(rest({ ...quiet, isPolled: true })).toBe(15);
    for (const trouble of [
      { webhookState: 'elsewhere' },
      { webhookState: null },
      { isDoubtful: true },
      { troubledAt: now - hour },
    ] as const)
      expect(rest({ ...quiet, ...trouble })).toBe(5);
    expect(rest({ ...quiet, troubledAt: now - day })).toBe(minutes);
  });

  it('after failures each time twice as long, up to an hour, and as long as the provider asks for', () => {
    const after = (failures: number, retryAfterMs?: number): number =>
      rest({ outcome: 'failed', failures, retryAfterMs });
    expect([1, 2, 3, 4, 5, 9].map((n) => after(n))).toEqual([5, 10, 20, 40, 60, 60]);
    expect(after(1, 2 * hour)).toBe(120);
    const at = nextVisitAt(newId(), { ...visited, outcome: 'failed', failures: 3 }, now);
    expect(at - now).toBeGreaterThan(15 * minute);
    expect(at - now).toBeLessThanOrEqual(20 * minute);
  });

  it('an account that does not work waits for its state to change', () =>
    expect(rest({ outcome: 'skipped', failures: 0 })).toBe(60));
});

describe('tasks', () => {
  const due: Due = {
    keepsHistory: true,
    isPolled: false,
    asksWebhook: 'shared',
    compareDueAt: now + hour,
    isSilent: false,
    webhookState: 'ok',
    webhookCheckedAt: now - minute,
    detailsDueAt: now + hour,
    detailsAt: now - hour,
    hasFaults: false,
  };
  const tasks = (more: Partial<Due>) =>
    Object.entries(tasksOf({ ...due, ...more }, now)).flatMap(([name, is]) => (is ? [name] : []));

  it.each([
    [{}, ['webhook']],
    [{ asksWebhook: 'never' }, []],
    [{ isPolled: true, asksWebhook: 'own' }, ['news']],
    [{ isPolled: true, asksWebhook: 'own', webhookCheckedAt: now - hour }, ['news', 'webhook']],
    [{ isPolled: true, asksWebhook: 'own', webhookState: 'off' }, ['news', 'webhook']],
    [{ keepsHistory: false, asksWebhook: 'own' }, ['webhook']],
    [{ compareDueAt: now }, ['compare', 'webhook']],
    [{ isSilent: true, isPolled: true, asksWebhook: 'own' }, ['compare', 'webhook']],
    [{ isSilent: true, keepsHistory: false, compareDueAt: null }, ['webhook']],
    [{ detailsDueAt: now }, ['webhook', 'details']],
    [{ hasFaults: true }, ['webhook']],
    [{ hasFaults: true, detailsAt: now - 7 * hour }, ['webhook', 'details']],
    [{ hasFaults: true, detailsAt: null }, ['webhook', 'details']],
  ] as const)('of %j are %j', (more, expected) => expect(tasks(more as Partial<Due>)).toEqual(expected));
});
