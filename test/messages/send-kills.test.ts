import { sendsUnderKills } from '../soak/sends-under-kills.ts';

it('loses and doubles no message where the worker is killed at begin, mark, call, answer and commit', async () => {
  const rows = await sendsUnderKills({ sends: 10, kills: 1 }, () => undefined);
  expect(rows.filter(({ ok }) => !ok)).toEqual([]);
}, 600_000);
