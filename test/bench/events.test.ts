import { run } from '../cli/run.ts';

it('compares outgoing webhooks with rows that are polled', async () => {
  const args = ['events', '--json', '--plain', '--runs', '1', '--seconds', '1', '--events', '500'];
  const { code, stdout, stderr } = await run('bench/main.ts', args, { ...process.env }, 240_000);
  const rows: any[] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (!rows.length) throw new Error(`no rows: ${stderr}`);
  expect(code).toBe(rows.every(({ ok }) => ok) ? 0 : 1);
  const row = (path: string) => rows.find((one) => one.path === path);
  expect(row('events: delivered/s')).toMatchObject({ ours: expect.any(Number), against: 'polling each 250 ms' });
  expect(row('events: not delivered')).toMatchObject({ ours: 0 });
  expect(row('events: Temporal actions')).toMatchObject({ ours: 0, ok: true });
}, 300_000);
