import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { createProgram } from '../../cli/program.ts';
import { runSql } from '../support/run-sql.ts';
import { WebhookEvent } from '../../db/entities/events.ts';
import { webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { answerHere, patchbayHere } from './in-process.ts';
import { commandEnv, noHome, patchbay } from './run.ts';

let stack: TestStack;
let env: Record<string, string>;
let home: string;
let account: any;
const tenant = 'maya-and-co';

beforeAll(async () => {
  stack = await startTestStack();
  env = commandEnv(stack);
  home = mkdtempSync(join(tmpdir(), 'patchbay-cli-'));
  const client = await stack.client(tenant);
  const body = { provider: 'unipile', channel: 'linkedin', owner: 'maya', label: 'Work' };
  const credentials = { username: 'plain@cli.example', password: 'correct horse' };
  ({ account } = (await client.post('/api/v1/accounts', { ...body, credentials })).body);
  account = await client.account(account.id, 'active');
  await eventually(
    'the details',
    async () => (await client.get(`/api/v1/accounts/${account.id}`)).body.connection_config,
  );
});
afterAll(async () => {
  await stack?.stop();
  if (home) rmSync(home, { recursive: true, force: true });
});

/** As the provider does. */
async function send(body: string): Promise<void> {
  const { db, vault } = stack.worker.context;
  const row = await db.system((em) => em.findOneOrFail(ProviderCredentials, { provider: 'unipile', tenantId: null }));
  const [secret = ''] = webhookSecretsOf(await vault.keysOf(db, null), row);
  const headers = { 'content-type': 'application/json', 'patchbay-webhook-secret': secret };
  const answer = await fetch(`${stack.api.url}/webhooks/unipile/${row.webhookToken}`, {
    method: 'POST',
    headers,
    body,
  });
  expect(answer.status).toBe(200);
}

describe('patchbay', () => {
  const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];

  it('describes each command, and offers --json in each that does something', async () => {
    for (const command of everyCommand(createProgram())) {
      expect({ name: command.name(), description: command.description() }).toEqual({
        name: expect.stringMatching(/^[a-z]+$/),
        description: expect.stringMatching(/^\S.{10}/),
      });
      const flags = command.options.map(({ long }) => long);
      if (!command.commands.length)
        expect({ name: command.name(), flags }).toMatchObject({ flags: expect.arrayContaining(['--json']) });
    }
    const { code, stdout } = await patchbay(noHome, 'keys', 'reencrypt', '--help');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Usage: patchbay keys rotate/) });
  });

  it.each([
    [['nonsense']],
    [['keys']],
    [['accounts', 'list', '--state', 'sleeping', '--tenant', tenant]],
    [['accounts', 'list']],
    [['accounts', 'show', '--tenant', tenant]],
    [['keys', 'create', '--tenant', tenant, '--scope', 'everything']],
    [['keys', 'create', '--tenant', ' ']],
    [['webhooks', 'list', '--tenant', tenant, '--limit', 'many']],
    [['webhooks', 'replay', '--tenant', tenant]],
    [['sync', 'details', '--tenant', tenant, '--no-such-option']],
  ])('ends with 2 for wrong arguments: %j', async (args) => {
    const { code, stdout, stderr } = await patchbayHere(env, ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });

  it.each([
    [['accounts', '--tenant', 'unheard-of'], /^patchbay: no tenant is called unheard-of: .+\n$/],
    [['accounts', 'show', 'none', '--tenant', tenant], /^patchbay: tenant maya-and-co has no account none: .+\n$/],
    [['sync', 'details', '--tenant', tenant, '--account', 'none'], /^patchbay: There is no such account\. .+\n$/],
    [['webhooks', 'replay', 'none', '--tenant', tenant], /^patchbay: .+ has no event none: .+\n$/],
  ])('ends with 1 and one line for a failure: %j', async (args, line) => {
    expect(await patchbay(env, ...args)).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(line) });
  });

  it('reports in one line that PostgreSQL does not answer, without the password', async () => {
    const dead = { ...env, DATABASE_URL: 'postgres://a:secret-word@127.0.0.1:1/b' };
    const { code, stderr } = await patchbay(dead, 'accounts', '--tenant', tenant);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^patchbay: .*is it running\?\n$/);
    expect(stderr).not.toContain('secret-word');
  });

  it.each([['accounts'], ['contacts'], ['connect', 'whatsapp', '--owner', 'maya'], ['keys', 'status']])(
    'says how to start a stack where none runs and no settings are given: %s',
    async (...args) => {
      const { code, stderr } = await patchbayHere(noHome, ...args);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/^patchbay: no local stack runs in \/nonexistent: start one with npm start.*\n$/),
      });
    },
  );

  it('prints its version', async () =>
    expect(await patchbay(noHome, '--version')).toMatchObject({ code: 0, stdout: '0.1.0\n' }));

  it("works for the local stack's tenant when none is named", async () => {
    const { PATCHBAY_HOME: _none, ...settings } = env;
    writeFileSync(join(home, 'settings.json'), JSON.stringify(settings));
    writeFileSync(join(home, 'stack.json'), JSON.stringify({ tenant }));
    expect(await answerHere({ PATCHBAY_HOME: home }, 'accounts')).toMatchObject([{ id: account.id }]);
    // The local stack's tenant is used for that stack only.
    const elsewhere = { DATABASE_URL: 'postgres://a@127.0.0.1:1/b', PATCHBAY_HOME: home };
    expect(await patchbay(elsewhere, 'accounts')).toMatchObject({ code: 2 });
    // So is its key: it would seal values that no other stack can open.
    expect(await patchbay(elsewhere, 'keys', 'create', '--tenant', tenant)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ENCRYPTION_KEY is not set'),
    });
  });
});

describe('patchbay accounts', () => {
  it('lists accounts with their state, and filters', async () => {
    const expected = {
      id: account.id,
      channel: 'linkedin',
      owner: 'maya',
      label: 'Work',
      state: 'active',
      who: 'nobody',
    };
    expect(await answerHere(env, 'accounts', '--tenant', tenant)).toMatchObject([expected]);
    expect(await answerHere(env, 'accounts', 'list', '--tenant', tenant, '--state', 'active')).toHaveLength(1);
    expect(await answerHere(env, 'accounts', 'list', '--tenant', tenant, '--owner', 'ben')).toEqual([]);
    const { stdout } = await patchbay(env, 'accounts', '--tenant', tenant);
    expect(stdout).toMatch(/^id +provider +channel .*\n.*linkedin +maya +Work +\S+ +active/);
  });

  it('shows an account with its attempt and timeline, and no secret', async () => {
    const shown = await answerHere(env, 'accounts', 'show', account.id, '--tenant', tenant);
    expect(shown).toMatchObject({
      id: account.id,
      state: 'active',
      attempt: { operation: 'connect', state: 'succeeded' },
    });
    const { body } = await (await stack.client(tenant)).get(`/api/v1/accounts/${account.id}/attempt`);
    expect(shown.attempt).toEqual(body);
    expect(shown.timeline.map(({ kind }: any) => kind)).toContain('state');
    const { code, stdout } = await patchbay(env, 'accounts', 'show', account.id, '--tenant', tenant);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^attempt +connect 1: succeeded/m);
    expect(stdout + JSON.stringify(shown)).not.toMatch(/correct horse|v2\./);
  });

  it("does not show another tenant's account", async () => {
    await stack.client('others');
    expect((await patchbay(env, 'accounts', 'show', account.id, '--tenant', 'others')).code).toBe(1);
  });
});

it('A9: patchbay sync details starts the runs of all accounts, and shows them as the API does', async () => {
  const [run, ...others] = await answerHere(env, 'sync', 'details', '--tenant', tenant);
  expect(others).toEqual([]);
  expect(run).toMatchObject({ account_id: account.id, kind: 'details', state: 'succeeded', progress: 1 });
  const client = await stack.client(tenant);
  expect(run).toEqual((await client.get(`/api/v1/syncs/${run.id}`)).body);
  const { stdout } = await patchbay(env, 'sync', 'details', '--tenant', tenant, '--account', account.id);
  expect(stdout).toMatch(/^run +account +state +changes +reason +what to do\n.* succeeded +0/);
});

it('A9: a dry run of patchbay sync details shows what would change, and changes nothing', async () => {
  const preview = async (): Promise<any> =>
    (await answerHere(env, 'sync', 'details', '--tenant', tenant, '--account', account.id, '--dry-run'))[0];
  const of = { account: account.id, owner: 'maya', channel: 'linkedin', state: null, reason: null, what_to_do: null };
  expect(await preview()).toEqual({ ...of, outcome: 'unchanged', changes: [] });
  const { db } = stack.worker.context;
  const status = (value: string): Promise<unknown> =>
    db.system((em) =>
      runSql(
        em,
        `update accounts set connection_config = jsonb_set(connection_config, '{messaging_status}', to_jsonb(?::text))
         where id = ?`,
        [value, account.id],
      ),
    );
  const client = await stack.client(tenant);
  const shown = async (): Promise<any> => (await client.get(`/api/v1/accounts/${account.id}`)).body;
  const { connection_config: before } = await shown();
  // As stored before the account changed at the provider.
  await status('CREDENTIALS');
  const old = await shown();
  const path = 'connection_config.messaging_status';
  const changes = [{ path, before: 'CREDENTIALS', after: before.messaging_status }];
  expect(await preview()).toEqual({ ...of, outcome: 'would change', changes });
  const { stdout } = await patchbayHere(env, 'sync', 'details', '--tenant', tenant, '--dry-run');
  expect(stdout).toBe(
    `${account.id}  linkedin of maya: would change\n  ${path}: "CREDENTIALS" → "${before.messaging_status}"\n` +
      '1 accounts: 1 would change. Nothing was changed.\n',
  );
  expect(await shown()).toEqual(old);
  await status(before.messaging_status);
  // What a collection would find of the account's state is shown, too.
  await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
  await stack.control.post('/drop', { account_id: account.provider_account_id, status: 'CREDENTIALS' });
  await stack.control.put('/faults', { provider: 'unipile' });
  expect(await preview()).toMatchObject({
    outcome: 'would change',
    state: { before: 'active', after: 'reconnect_required', reason: 'login_lost' },
  });
  expect((await shown()).state).toBe('active');
  await stack.control.post('/drop', { account_id: account.provider_account_id, status: 'OK' });
});

describe('patchbay webhooks', () => {
  it('lists the failed events and replays them after a fix', async () => {
    await send('this is nobody’s event');
    const status = {
      AccountStatus: { account_id: account.provider_account_id, message: 'OK', account_type: 'LINKEDIN' },
    };
    await send(JSON.stringify(status));
    const { db } = stack.worker.context;
    const [{ id } = { id: '' }] = await db.system((em) =>
      runSql<{ id: string }>(
        em,
        `update webhook_events set state = 'failed', error = 'as before a fix', processed_at = null
         where type = 'account_status.ok' and id = (select max(id::text)::uuid from webhook_events) returning id`,
      ),
    );
    const failed = await answerHere(env, 'webhooks', 'list', '--tenant', tenant);
    expect(failed.map(({ type }: any) => type).toSorted()).toEqual(['account_status.ok', 'unreadable']);
    const { stdout } = await patchbay(env, 'webhooks', 'list', '--tenant', tenant);
    expect(stdout).toMatch(/account_status\.ok +failed/);

    expect(await answerHere(env, 'webhooks', 'show', id, '--tenant', tenant)).toMatchObject({
      id,
      state: 'failed',
      body: JSON.stringify(status),
    });
    const dryRun = (...options: string[]): Promise<any[]> =>
      answerHere(env, 'webhooks', 'replay', '--failed', '--dry-run', '--tenant', tenant, ...options);
    expect(await dryRun('--reason', 'as before a fix', '--account', account.id)).toContainEqual(
      expect.objectContaining({
        event: id,
        table: 'webhook_events',
        before: expect.objectContaining({ state: 'failed' }),
        after: expect.objectContaining({ state: 'processed' }),
      }),
    );
    expect(await dryRun('--reason', 'another')).toEqual([]);
    expect(await dryRun('--until', '2020-01-01T00:00:00Z')).toEqual([]);
    expect((await db.system((em) => em.findOneOrFail(WebhookEvent, { id }))).state).toBe('failed');

    const one = await patchbay(env, 'webhooks', 'replay', id, '--tenant', tenant, '--json');
    expect(one.code).toBe(0);
    expect(JSON.parse(one.stdout)).toMatchObject([{ id, before: 'failed', state: 'processed', account: account.id }]);
    expect((await db.system((em) => em.findOneOrFail(WebhookEvent, { id }))).error).toBeNull();

    // Unreadable events stay failed, and the command reports it.
    const all = await patchbay(env, 'webhooks', 'replay', '--failed', '--tenant', tenant, '--json');
    expect(all.code).toBe(1);
    expect(JSON.parse(all.stdout)).toMatchObject([{ type: 'unreadable', before: 'failed', state: 'failed' }]);
    expect(await answerHere(env, 'webhooks', 'list', '--tenant', tenant)).toHaveLength(1);
    expect((await answerHere(env, 'webhooks', 'list', '--state', 'all', '--tenant', tenant)).length).toBeGreaterThan(1);
  });

  it("neither lists nor replays another tenant's events", async () => {
    const all = await answerHere(env, 'webhooks', 'list', '--state', 'all', '--tenant', tenant);
    const mine = all.find((event: any) => event.account === account.id);
    await stack.client('others');
    const theirs = await answerHere(env, 'webhooks', 'list', '--state', 'all', '--tenant', 'others');
    expect(theirs.map(({ id }: any) => id)).not.toContain(mine.id);
    expect((await patchbay(env, 'webhooks', 'replay', mine.id, '--tenant', 'others')).code).toBe(1);
  });
});

describe('patchbay keys', () => {
  it('creates a tenant and a key that the API accepts', async () => {
    const made = await answerHere(env, 'keys', 'create', '--tenant', 'made-here', '--scope', 'read');
    expect(made.tenant).toBe('made-here');
    const headers = { authorization: `Bearer ${made.api_key}` };
    expect((await fetch(`${stack.api.url}/api/v1/accounts`, { headers })).status).toBe(200);
  });
});
