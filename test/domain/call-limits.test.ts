import fc from 'fast-check';
import { takeCalls, type CallBucket, type CallKind } from '../../domain/call-limits.ts';

const begins = Date.UTC(2026, 0, 5);
const minute = 60_000;

const takes = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 20_000 }),
    most: fc.integer({ min: 1, max: 20 }),
    kind: fc.constantFrom<CallKind>('live', 'backfill'),
  }),
  { minLength: 1, maxLength: 200 },
);

it('lets no minute have more calls than the limit, whatever is taken and when', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), takes, (perMinute, tried) => {
      let bucket: CallBucket | null = null;
      let at = begins;
      const calls: number[] = [];
      for (const { afterMs, most, kind } of tried) {
        at += afterMs;
        const { bucket: left, taken } = takeCalls(bucket, perMinute, kind, most, new Date(at));
        bucket = left;
        for (let n = 0; n < taken; n += 1) calls.push(at);
        const inMinute = calls.filter((one) => one > at - minute).length;
        expect(inMinute).toBeLessThanOrEqual(perMinute);
      }
    }),
  );
});

it('gives a call again once the time that it says has passed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.constantFrom<CallKind>('live', 'backfill'), (perMinute, kind) => {
      const now = new Date(begins);
      const empty = { calls: 0, at: now };
      const { taken, freeInMs } = takeCalls(empty, perMinute, kind, 1, now);
      expect(taken).toBe(0);
      expect(takeCalls(empty, perMinute, kind, 1, new Date(begins + freeInMs)).taken).toBe(1);
    }),
  );
});

it('leaves live calls a share that backfill does not take', () => {
  const now = new Date(begins);
  const { bucket, taken } = takeCalls(null, 60, 'backfill', 100, now);
  expect(taken).toBe(6);
  expect(takeCalls(bucket, 60, 'backfill', 100, now).taken).toBe(0);
  expect(takeCalls(bucket, 60, 'live', 100, now).taken).toBe(6);
});
