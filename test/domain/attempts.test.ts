import fc from 'fast-check';
import { attemptLifetimeMs, disconnectLifetimeMs, patienceMs, pollAfterMs } from '../../domain/attempts.ts';
import { methodNames } from '../../domain/channels.ts';

const checks = fc.nat({ max: 10_000 });

it('checks again soon at first, then less and less often, and at most a minute apart', () => {
  expect(pollAfterMs(0)).toBe(5_000);
  fc.assert(
    fc.property(checks, (n) => {
      expect(pollAfterMs(n + 1)).toBeGreaterThanOrEqual(pollAfterMs(n));
      expect(pollAfterMs(n)).toBeLessThanOrEqual(60_000);
    }),
  );
  expect(pollAfterMs(10_000)).toBe(60_000);
});

it.each(methodNames)('ends every attempt by %s, within minutes and after the first answer', (method) => {
  expect(attemptLifetimeMs[method]).toBeGreaterThan(patienceMs);
  expect(attemptLifetimeMs[method]).toBeLessThanOrEqual(60 * 60_000);
});

it('ends a disconnection too', () => {
  expect(disconnectLifetimeMs).toBeGreaterThan(patienceMs);
  expect(disconnectLifetimeMs).toBeLessThanOrEqual(60 * 60_000);
});
