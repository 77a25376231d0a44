import { storm } from './storm.ts';
import { judge } from './verdict.ts';

const failed = (rows: Awaited<ReturnType<typeof judge>>) => rows.filter(({ ok }) => !ok);

it('keeps every wish while all parts are killed, calls fail and webhooks are lost', async () => {
  const size = { seed: 7, accounts: 6, wishes: 4, kills: 2, lastsMs: 0, drops: true };
  expect(failed(await storm(size, () => undefined, judge))).toEqual([]);
}, 240_000);

it('asks the provider once where three calls in ten fail', async () => {
  const size = { seed: 11, accounts: 6, wishes: 3, kills: 0, lastsMs: 0, drops: false };
  expect(failed(await storm(size, () => undefined, judge))).toEqual([]);
}, 240_000);
