import { run } from '../cli/run.ts';

it('sweeps a fleet by one Schedule, and by one for each account', async () => {
  const args = ['sweep', '--json', '--fleet', '100'];
  const { code, stdout, stderr } = await run('bench/main.ts', args, { ...process.env }, 280_000);
  const rows: any[] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (!rows.length) throw new Error(`no rows: ${stderr}`);
  expect(code).toBe(rows.every(({ ok }) => ok) ? 0 : 1);
  const row = (path: string, against?: string) =>
    rows.find((one) => one.path === `sweep of 100: ${path}` && (!against || one.against === against));
  expect(row('accounts/s', 'two workers')).toMatchObject({ ours: expect.any(Number), baseline: expect.any(Number) });
  expect(row('seconds')).toMatchObject({ ok: true });
  expect(row('history events')).toMatchObject({ ok: true });
  const [ours, plain] = [row('actions').ours, row('actions').baseline];
  // A Schedule for each account takes at least two actions for each.
  expect(plain).toBeGreaterThanOrEqual(200);
  expect(ours).toBeLessThan(plain / 10);
  expect(row('events').baseline).toBeGreaterThan(10 * row('events').ours);
}, 300_000);
