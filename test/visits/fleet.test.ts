import { sweepOfPlatforms } from '../soak/sweep-of-platforms.ts';

it('sweeps a fleet within half of its period, with a slow provider and failing ones among its accounts', async () => {
  const rows = await sweepOfPlatforms({ accounts: 150 }, () => undefined);
  expect(rows.filter(({ ok }) => !ok)).toEqual([]);
}, 600_000);
