import { run } from '../cli/run.ts';

it('migrates a database of before with all of its events, and says how long others waited for its tables', async () => {
  const args = ['migrations', '--json', '--size', '40'];
  const { stdout, stderr } = await run('bench/main.ts', args, { ...process.env }, 240_000);
  const rows: any[] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (!rows.length) throw new Error(`no rows: ${stderr}`);
  const rowOf = (path: string) => rows.find((row) => row.path === `migrations, ${path}`);
  expect(rowOf('0023-webhook-rows: s')).toMatchObject({ ours: expect.any(Number), goal: null });
  for (const table of ['accounts', 'contacts', 'connection_attempts', 'webhook_events'])
    expect(rowOf(`longest wait for ${table}: ms`)).toMatchObject({ ours: expect.any(Number), goal: 2_000 });
  expect(rowOf('events lost')).toMatchObject({ ours: 0, ok: true });
}, 300_000);
