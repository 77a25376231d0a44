import {
  isDeaf,
  judgeWebhooks,
  registerRestMs,
  tookWebhooks,
  watchMs,
  type WatchedWebhooks,
} from '../../domain/missed-webhooks.ts';

const rule = { sweeps: 2, messages: 5, share: 0.1 };
const minute = 60_000;
const now = Date.parse('2026-05-04T10:00:00Z');
const watched: WatchedWebhooks = {
  sweeps: 2,
  missed: 6,
  brought: 10,
  lastMissedAt: now - 10 * minute,
  degradedAt: null,
  registeredAt: null,
  registerAt: null,
};
const degraded = { ...watched, degradedAt: now - 60 * minute, lastMissedAt: now - 70 * minute };
const registered = { ...degraded, registeredAt: now - 59 * minute, registerAt: now - 44 * minute };
const found = { hasMissed: true, broughtSince: 0, at: now };

it.each([
  ['enough of each', {}, true],
  ['one sweep', { sweeps: 1 }, false],
  ['few messages', { missed: 4 }, false],
  ['a small part of all', { brought: 100 }, false],
  ['nothing that came', { brought: 0 }, true],
])('tells a deaf account: %s', (_name, more, deaf) => {
  expect(isDeaf({ ...watched, ...more }, rule)).toBe(deaf);
});

it.each([
  ['misses repeat', watched, found, 'degrade'],
  ['misses, too few', { ...watched, sweeps: 1 }, found, 'watch'],
  ['no traffic', watched, { ...found, hasMissed: false }, 'watch'],
  ['webhooks came since, and nothing was missed', watched, { hasMissed: false, broughtSince: 1, at: now }, 'forget'],
  ['a day later', watched, { hasMissed: false, broughtSince: 0, at: now + watchMs + 1 }, 'forget'],
  ['registering failed', degraded, { ...found, hasMissed: false }, 'register'],
  ['registering rests', { ...degraded, registerAt: now + 1 }, { ...found, hasMissed: false }, 'watch'],
  ['no traffic since it was registered', registered, { ...found, hasMissed: false }, 'watch'],
  ['an old message is found late', registered, found, 'watch'],
  ['missed again since', { ...registered, lastMissedAt: now - 5 * minute }, { ...found, broughtSince: 3 }, 'register'],
  ['webhooks arrive', registered, { hasMissed: false, broughtSince: 1, at: now }, 'heal'],
  ['nothing missed for a day', registered, { hasMissed: false, broughtSince: 0, at: now + watchMs }, 'heal'],
] as const)('after a sweep, %s', (_name, watch, sweep, verdict) => {
  expect(judgeWebhooks(watch, sweep, rule)).toBe(verdict);
});

it('rests twice as long after each registration, a day at most', () => {
  expect([0, 1, 2, 30].map(registerRestMs)).toEqual([15, 30, 60, 24 * 60].map((minutes) => minutes * minute));
});

it('tells whether a webhook could be taken in: some process ran, and for a minute more', () => {
  const uptimes = [
    { from: 0, to: 10 * minute },
    { from: 20 * minute, to: 30 * minute },
  ];
  const times = [0, 9, 9.5, 15, 20, 29, 29.5];
  expect(times.map((at) => tookWebhooks(uptimes, at * minute))).toEqual([true, true, false, false, true, true, false]);
});
