import { webhooksUnderKills } from '../soak/webhooks-under-kills.ts';

it('keeps every conversation as it truly is while API and PostgreSQL are killed, with Temporal and without', async () => {
  const size = { count: { unipile: 200, wasender: 120 }, rate: 40, conversations: 8, kills: 2, gapMs: 1_000 };
  const rows = await webhooksUnderKills(size, () => undefined);
  expect(rows.filter(({ ok }) => !ok)).toEqual([]);
}, 600_000);
