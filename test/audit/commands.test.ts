import type { Command } from 'commander';
import { looks, readers } from '../../cli/audited.ts';
import { createProgram } from '../../cli/program.ts';
import { patchbayHere, answerHere } from '../cli/in-process.ts';
import { noHome } from '../cli/run.ts';
import { startTestApi, type TestApi } from '../api/support.ts';
import { openDatabase } from '../../db/connect.ts';
import { createEmptyDatabase, required } from '../support/database.ts';
import { runSql } from '../support/run-sql.ts';
import { oneOfEach } from '../api/fixture.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const env = (): Record<string, string> => ({
  ...noHome,
  DATABASE_URL: api.context.config.DATABASE_URL,
  ENCRYPTION_KEY: api.context.config.ENCRYPTION_KEY,
  TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
  SUDO_USER: 'olga',
});
const entries = (): Promise<any[]> =>
  api.context.db.system((em) => runSql(em, "select * from audit_entries where via = 'command' order by at, id"));

const words = (command: Command, before: string[] = []): string[] =>
  command.commands.flatMap((one) =>
    one.commands.length ? words(one, [...before, one.name()]) : [[...before, one.name()].join(' ')],
  );

describe('F7: the command', () => {
  it('records whatever is not declared to read only: what is declared exists', () => {
    const known = words(createProgram());
    expect([...readers, ...looks].filter((one) => !known.includes(one))).toEqual([]);
    expect(
      known.filter(
        (one) =>
          /(^| )(create|delete|rotate|resume|replay|import|revoke|connect|migrate|sync)$/.test(one) && readers.has(one),
      ),
    ).toEqual([]);
  });

  it('records writes with user, machine, tenant, ids and switches, and no text of the caller', async () => {
    await answerHere(env(), 'keys', 'create', '--tenant', 'ours', '--scope', 'read', '--name', 'a text of mine');
    const [made] = (await entries()).slice(-1);
    expect(made).toMatchObject({
      kind: 'write',
      actor: 'olga',
      action: 'keys create',
      outcome: 'accepted',
      address: expect.any(String),
      details: { scope: ['read'], options: expect.arrayContaining(['name', 'tenant']) },
    });
    expect(made.tenant_id).not.toBeNull();
    expect(JSON.stringify(made)).not.toContain('a text of mine');
  });

  it('records looks, and not what only lists', async () => {
    const { event } = await oneOfEach(api, api.client);
    const before = (await entries()).length;
    for (const command of [
      ['keys', 'list', '--tenant', 'ours'],
      ['accounts', 'list', '--tenant', 'ours'],
      ['sending', 'status'],
      ['audit', 'list', '--tenant', 'ours'],
    ])
      await answerHere(env(), ...command);
    expect(await entries()).toHaveLength(before);
    await answerHere(env(), 'webhooks', 'show', event, '--tenant', 'ours');
    expect((await entries()).slice(before)).toMatchObject([{ kind: 'look', action: 'webhooks show', target: event }]);
  });

  it('records a command that fails twice: that it began, and that it failed', async () => {
    const before = (await entries()).length;
    const { code } = await patchbayHere(
      env(),
      'keys',
      'revoke',
      '01900000-0000-7000-8000-00000000dead',
      '--tenant',
      'ours',
    );
    expect(code).toBe(1);
    expect((await entries()).slice(before).map(({ action, outcome }) => [action, outcome])).toEqual([
      ['keys revoke', 'accepted'],
      ['keys revoke', 'failed'],
    ]);
  });

  it('lists and exports, for a tenant and for the installation', async () => {
    const listed = await answerHere(env(), 'audit', 'list', '--tenant', 'ours', '--action', 'keys create');
    expect(listed[0]).toMatchObject({ via: 'command', action: 'keys create', actor: 'olga' });
    const csv = await patchbayHere(env(), 'audit', 'export', '--tenant', 'ours', '--format', 'csv');
    expect(csv.stdout.split('\r\n')[0]).toMatch(/^id,at,kind/);
    expect(csv.stdout).toContain('keys create');
    await answerHere(env(), 'sending', 'resume');
    const own = await answerHere(env(), 'audit', 'list', '--installation');
    expect(own[0]).toMatchObject({ action: 'sending resume' });
    expect(own.map(({ action }: { action: string }) => action)).not.toContain('keys create');
  });

  it('records who ran the migrations', async () => {
    const test = await createEmptyDatabase();
    const db = await openDatabase(test.url, { pool: { app: 1, system: 1 } });
    try {
      const { applied } = await answerHere({ ...env(), DATABASE_URL: test.ownerUrl }, 'migrate');
      expect(applied.length).toBeGreaterThan(50);
      const found = await db.system((em) => runSql(em, 'select actor, action, details from audit_entries'));
      expect(found).toEqual([{ actor: 'olga', action: 'migrate', details: { applied } }]);
    } finally {
      await db.close();
      await test.drop();
    }
  });
});
