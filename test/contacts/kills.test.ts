import { contactsUnderKills } from '../soak/contacts-under-kills.ts';

it('reads an address book exactly once while worker, PostgreSQL and Temporal are killed', async () => {
  const rows = await contactsUnderKills(5_000, 2, () => undefined);
  expect(rows.filter(({ ok }) => !ok)).toEqual([]);
}, 300_000);
