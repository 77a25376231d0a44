import fc from 'fast-check';
import { attemptLifetimeMs, disconnectLifetimeMs, patienceMs, pollAfterMs } from '../../domain/attempts.ts';
import { methodNames } from '../../domain/channels.ts';

const checks = fc.nat({ max: 10_000 });

it('polls soon at first, then ever more rarely, at most a minute apart', () => {
  expect(pollAfterMs(0)).toBe(5_000);
  fc.assert(
    fc.property(checks, (n) => {
      expect(pollAfterMs(n + 1)).toBeGreaterThanOrEqual(pollAfterMs(n));
      expect(pollAfterMs(n)).toBeLessThanOrEqual(60_000);
    }),
  );
  expect(pollAfterMs(10_000)).toBe(60_000);
});

it.each(methodNames)('gives attempts by %s a deadline of minutes, after the first answer', (method) => {
  expect(attemptLifetimeMs[method]).toBeGreaterThan(patienceMs);
  expect(attemptLifetimeMs[method]).toBeLessThanOrEqual(60 * 60_000);
});

it('gives a disconnection a deadline too', () => {
  expect(disconnectLifetimeMs).toBeGreaterThan(patienceMs);
  expect(disconnectLifetimeMs).toBeLessThanOrEqual(60 * 60_000);
});
