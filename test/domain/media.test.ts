import { afterFailedFetch, type FailedFetch } from '../../domain/media.ts';

const failed = (more: Partial<FailedFetch> = {}): ReturnType<typeof afterFailedFetch> =>
  afterFailedFetch({ code: 'provider_unavailable', tries: 0, ageMs: 0, retryAfterMs: undefined, ...more });
const minute = 60_000;

it('waits twice as long after each failure, for six hours at most', () => {
  const waits = [0, 1, 2, 3, 20].map((tries) => failed({ tries }));
  expect(waits).toEqual([
    { inMs: minute, tries: 1 },
    { inMs: 2 * minute, tries: 2 },
    { inMs: 4 * minute, tries: 3 },
    { inMs: 8 * minute, tries: 4 },
    { inMs: 360 * minute, tries: 21 },
  ]);
});

it('waits as long as the provider asks for', () => {
  expect(failed({ code: 'rate_limited', retryAfterMs: 5 * minute })).toEqual({ inMs: 5 * minute, tries: 1 });
});

it('takes three refusals of a file for an answer', () => {
  expect(failed({ code: 'request_refused', tries: 1 })).toEqual({ inMs: 2 * minute, tries: 2 });
  expect(failed({ code: 'request_refused', tries: 2 })).toEqual({ unavailable: 'refused' });
});

it('does not count what is the fault of the account, and gives up after two weeks all the same', () => {
  expect(failed({ code: 'not_connected', tries: 2 })).toEqual({ inMs: 60 * minute, tries: 2 });
  const ageMs = 15 * 24 * 60 * minute;
  for (const code of ['not_connected', 'provider_unavailable', 'request_refused'] as const)
    expect(failed({ code, ageMs })).toEqual({ unavailable: 'given_up' });
});
