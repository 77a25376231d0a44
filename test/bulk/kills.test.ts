import { bulkUnderKills } from '../soak/bulk-under-kills.ts';

it('asks each account once while the worker is killed twice and the operation cancelled and taken up again', async () => {
  const rows = await bulkUnderKills({ accounts: 40, perMinute: 180 }, () => undefined);
  expect(rows.filter(({ ok }) => !ok)).toEqual([]);
}, 300_000);
