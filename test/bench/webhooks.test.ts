import { run } from '../cli/run.ts';

it('compares intake with a plain program, of few accounts and of many', async () => {
  const sizes = ['--accounts', '200', '--seconds', '1', '--runs', '1', '--kills', '0'];
  const args = ['webhooks', '--json', '--plain', ...sizes];
  const { code, stdout, stderr } = await run('bench/main.ts', args, { ...process.env }, 400_000);
  const rows: any[] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (!rows.length) throw new Error(`no rows: ${stderr}`);
  expect(code).toBe(rows.every(({ ok }) => ok) ? 0 : 1);
  for (const accounts of [100, 200])
    expect(rows).toContainEqual(
      expect.objectContaining({
        path: `webhooks, ${accounts} accounts: stored/s`,
        ours: expect.any(Number),
        against: 'insert per request',
        baseline: expect.any(Number),
        goal: 1.2,
      }),
    );
}, 420_000);
