import { run } from '../cli/run.ts';

it('compares intake with a plain program, and loses and doubles nothing that was acknowledged under kills', async () => {
  const args = ['webhooks', '--json', '--plain', '--accounts', '200', '--seconds', '1', '--runs', '1'];
  const { code, stdout, stderr } = await run('bench/main.ts', args, { ...process.env }, 280_000);
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
        against: 'insert per request',
        goal: 1.2,
      }),
    );
  for (const what of ['lost', 'doubled'])
    for (const side of ['ours', 'insert per request'])
      expect(rows).toContainEqual(
        expect.objectContaining({
          path: expect.stringMatching(new RegExp(`^kill -9, ${side}: ${what} of \\d+ acknowledged$`)),
          ours: 0,
          ok: true,
        }),
      );
}, 300_000);
