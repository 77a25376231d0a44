import { run } from '../cli/run.ts';

it('prints a row with the documented fields for each case, and whether its goal is met', async () => {
  const args = ['contacts', '--json', '--size', '200', '--runs', '1'];
  const { code, stdout, stderr } = await run('bench/main.ts', args, { ...process.env }, 240_000);
  const rows: any[] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (!rows.length) throw new Error(`no rows: ${stderr}`);
  for (const row of rows) {
    expect(Object.keys(row)).toEqual(['path', 'ours', 'against', 'baseline', 'ratio', 'goal', 'ok']);
    expect({ ...row, path: typeof row.path, ours: typeof row.ours, ok: typeof row.ok }).toMatchObject({
      path: 'string',
      ours: 'number',
      ok: 'boolean',
    });
  }
  expect(code).toBe(rows.every(({ ok }) => ok) ? 0 : 1);
  const rowOf = (path: string, against?: string) =>
    rows.find((row) => row.path === `contacts, ${path}` && (!against || row.against === against));
  for (const name of ['first sync', 'unchanged', '5 % changed'])
    expect(rowOf(`${name}: rows/s`, 'bare loop')).toMatchObject({ goal: 0.8, ratio: expect.any(Number) });
  expect(rowOf('first sync: rows/s', 'row-by-row ORM upserts')).toMatchObject({ goal: 8 });
  expect(rowOf('unchanged: rows rewritten')).toMatchObject({ ours: 0, goal: 0, ok: true });
  expect(rowOf('first sync: history events')).toMatchObject({ ok: true });
}, 300_000);

it.each([[['nobody']], [['--size', 'many']], [['--no-such-flag']]])(
  'ends with 2 when it is used wrongly: %j',
  async (args) => {
    const { code, stdout, stderr } = await run('bench/main.ts', args, { ...process.env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('npm run bench');
  },
);
