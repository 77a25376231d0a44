import { fairSends } from '../soak/fair-sends.ts';

it("keeps an account's budget, and lets another tenant's message pass its queue, while a history is read", async () => {
  const rows = await fairSends({ sends: 13, perMinute: 5, people: 60, hurry: 15 }, () => undefined);
  expect(rows.filter(({ ok }) => !ok)).toEqual([]);
}, 600_000);
