import { rollingUpgrade } from '../soak/rolling-upgrade.ts';

it('F8: an upgrade with a running fleet loses no webhook, and no attempt fails', async () => {
  const size = { webhooks: 200, rate: 25, atOnce: 2, logins: 4, rounds: 1 };
  const rows = await rollingUpgrade(size, () => undefined);
  expect(rows.filter(({ ok }) => !ok)).toEqual([]);
}, 480_000);
