import { run } from '../cli/run.ts';

it('compares counting a changed hour with a group by over all messages', async () => {
  const args = ['analytics', '--json', '--runs', '2', '--sizes', '10000,40000'];
  const { code, stdout, stderr } = await run('bench/main.ts', args, { ...process.env }, 240_000);
  const rows: any[] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (!rows.length) throw new Error(`no rows: ${stderr}`);
  expect(code).toBe(rows.every(({ ok }) => ok) ? 0 : 1);
  const row = (path: string) => rows.find((one) => one.path === path);
  expect(row('one changed hour at 40000 messages: 1/s')).toMatchObject({
    ours: expect.any(Number),
    against: 'group by',
  });
  expect(row('one changed hour at 40000 messages: ms')).toMatchObject({ against: 'at 10000' });
  expect(row('writing 10 messages with marks: µs')).toMatchObject({ against: 'without marks' });
}, 300_000);
