import { limitsInForce, windowsOf } from '../../domain/send-limits.ts';

const now = new Date('2026-05-10T10:00:00Z');
const connected = (days: number): Date => new Date(now.getTime() - days * 86_400_000);
const linkedin = { channel: 'linkedin', published: null, own: null } as const;

it.each([
  [0, 30],
  [2.9, 30],
  [3, 60],
  [6.9, 60],
  [7, 100],
])('lets a LinkedIn account that is %s days old send %s messages a day', (days, most) => {
  expect(limitsInForce({ ...linkedin, connectedAt: connected(days) }, now).per_day).toBe(most);
});

it('takes what a provider publishes as it is, whatever the age', () => {
  const published = { per_hour: 15_360, per_day: null, burst: 256 };
  expect(limitsInForce({ ...linkedin, published, connectedAt: now }, now)).toEqual({
    per_minute: 256,
    per_hour: 15_360,
    per_day: null,
    spacing_seconds: null,
  });
});

it('spaces messages of an account under protection by 5 seconds', () => {
  const published = { per_hour: 720, per_day: null, burst: 1 };
  const limits = limitsInForce({ ...linkedin, published, connectedAt: now }, now);
  expect(limits).toMatchObject({ per_minute: null, spacing_seconds: 5 });
  expect(windowsOf(limits)).toEqual([
    { most: 1, ms: 5_000 },
    { most: 720, ms: 3_600_000 },
  ]);
});

it('puts what an operator set in place of the usual limits', () => {
  const own = { per_day: null, per_minute: 3 };
  const limits = limitsInForce({ ...linkedin, own, connectedAt: now }, now);
  expect(limits).toMatchObject({ per_minute: 3, per_hour: 12, per_day: null });
});
