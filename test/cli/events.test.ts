import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { PROJECT } from '../../dev/parts/home.ts';
import { connect, startTestApi, type TestApi } from '../api/support.ts';
import { settled } from '../events/settled.ts';
import { required } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { testKey } from '../support/key.ts';
import { processEnv } from '../support/process-env.ts';
import { runSql } from '../support/run-sql.ts';
import { answerHere, patchbayHere } from './in-process.ts';
import { noHome } from './run.ts';

let api: TestApi;
let env: Record<string, string>;
beforeAll(async () => {
  api = await startTestApi({ ENCRYPTION_KEY: testKey });
  env = { ...noHome, DATABASE_URL: api.database.url, ENCRYPTION_KEY: testKey };
});
afterAll(() => api?.stop());

const system = (statement: string, params: readonly unknown[] = []): Promise<unknown[]> =>
  api.context.db.system((em) => runSql(em, statement, params));

const relabel = (id: string, label: string): Promise<unknown> =>
  system('update accounts set label = ? where id = ?', [label, id]);

describe('patchbay events', () => {
  it('lists what is kept, or what came after a place, as the API does', async () => {
    const client = await api.clientOf('that lists');
    const { account } = await connect(client);
    await relabel(account.id, 'Sales');
    await settled(api);
    const { items } = (await client.get('/api/v1/events')).body;
    const all = await answerHere(env, 'events', 'list', '--tenant', 'that lists');
    expect(all).toEqual(items);
    const rest = await answerHere(env, 'events', 'list', '--tenant', 'that lists', '--after', items[0].id);
    expect(rest).toEqual(items.slice(1));
    const first = await answerHere(env, 'events', 'list', '--tenant', 'that lists', '--limit', '1');
    expect(first).toEqual(items.slice(0, 1));
    const types = ['--types', 'account.updated,message.created', '--account', account.id];
    const { stdout } = await patchbayHere(env, 'events', 'list', '--tenant', 'that lists', ...types);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^id +at +type +account +data$/),
      expect.stringMatching(/account\.updated .* changed=label$/),
      '',
    ]);
  });

  it('refuses types that are not there, and tells that events are no longer kept', async () => {
    const wrong = await patchbayHere(env, 'events', 'list', '--tenant', 'ours', '--types', 'news');
    expect(wrong).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining('there is no type news') });
    for (const command of ['list', 'tail']) {
      const after = ['--after', 'ffffffffffff-000000000001'];
      const gone = await patchbayHere(env, 'events', command, '--tenant', 'ours', ...after);
      expect(gone).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(/not kept any more.*read what you/) });
    }
  });

  it('prints events as they come, through a lost connection, and says where to go on', async () => {
    const client = await api.clientOf('that tails');
    const { account } = await connect(client);
    await settled(api);
    const start = (await client.get('/api/v1/events?after=now')).body.next;
    const args = ['events', 'tail', '--tenant', 'that tails', '--after', start, '--types', 'account.updated', '--json'];
    const child = spawn(process.execPath, [join(PROJECT, 'cli/main.ts'), ...args], {
      env: { ...processEnv, ...env } as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const printed: { data: unknown; account_id: string; id: string }[] = [];
    let told = '';
    createInterface(child.stdout).on('line', (line) => printed.push(JSON.parse(line)));
    child.stderr.on('data', (part: Buffer) => (told += part.toString()));
    const ended = once(child, 'close');
    try {
      for (let n = 1; n <= 4; n += 1) {
        await relabel(account.id, `label ${n}`);
        await eventually(`event ${n}: ${told}`, async () => printed.length === n);
        if (n === 2) await cutConnections();
      }
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
    expect(printed.map(({ data }) => data)).toEqual(Array.from({ length: 4 }, () => ({ changed: ['label'] })));
    expect(new Set(printed.map(({ id }) => id)).size).toBe(4);
    const [, next] = /go on with --after (\S+)\n$/.exec(told) ?? [];
    expect((await client.get(`/api/v1/events?after=${next}&types=account.updated`)).body.items).toEqual([]);
  });
});

/** Ends the connections to this test's database, those of the API too, which are made again. */
async function cutConnections(): Promise<void> {
  const admin = new pg.Client({ connectionString: required('PATCHBAY_TEST_PG_ADMIN_URL') });
  await admin.connect();
  try {
    await admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'patchbay_app'",
      [new URL(api.database.url).pathname.slice(1)],
    );
  } finally {
    await admin.end();
  }
}
