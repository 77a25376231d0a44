import { assertAll } from './assertions.ts';
import { soak } from './soak.ts';

const failed = (rows: Awaited<ReturnType<typeof assertAll>>) => rows.filter(({ ok }) => !ok);

it('carries out every operation while all parts are killed, calls fail and webhooks are lost', async () => {
  const size = { seed: 7, accounts: 4, operations: 3, kills: 2, lastsMs: 0, drops: true, disturbed: false };
  expect(failed(await soak(size, () => undefined, assertAll))).toEqual([]);
}, 240_000);

it('calls the provider once while three calls in ten fail', async () => {
  const size = { seed: 11, accounts: 3, operations: 2, kills: 0, lastsMs: 0, drops: false, disturbed: false };
  expect(failed(await soak(size, () => undefined, assertAll))).toEqual([]);
}, 240_000);
