import { bookUnderKills } from '../soak/book.ts';

it('reads an address book exactly once while worker, PostgreSQL and Temporal are killed', async () => {
  const rows = await bookUnderKills(10_000, 3, () => undefined);
  expect(rows.filter(({ ok }) => !ok)).toEqual([]);
}, 300_000);
