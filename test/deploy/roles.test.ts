import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { startSandbox, type Sandbox } from '../../sandbox/start.ts';
import { createClient } from '../support/client.ts';
import { createControl } from '../support/control.ts';
import { required } from '../support/database.ts';
import { testKey } from '../support/key.ts';
import { debianPostgres, provideRoles, queryAs, startBarePostgres, type BarePostgres } from './debian-postgres.ts';
import { project, runRole, startRole, type RoleProcess } from './role-process.ts';

const found = debianPostgres();

(found ? describe : describe.skip)("P4: a deployment's roles as processes, over an operator's PostgreSQL", () => {
  let postgres: BarePostgres;
  let sandbox: Sandbox;
  let home: string;
  let settings: Record<string, string>;
  let owner: { DATABASE_URL: string };
  let ports: { api: number; apiMetrics: number; workerMetrics: number };
  let api: RoleProcess | undefined;
  let worker: RoleProcess | undefined;

  const as = (login: string, password: string, sql: string, database = 'patchbay') =>
    queryAs(postgres.url(login, password, database), sql);

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'patchbay-deploy-'));
    [postgres, sandbox] = await Promise.all([
      startBarePostgres(found?.bin ?? '', ['log_min_error_statement=panic', 'log_error_verbosity=terse']),
      startSandbox(),
    ]);
    const [one, two, three] = await Promise.all([reserveFreePort(), reserveFreePort(), reserveFreePort()]);
    await Promise.all([one.handOver(), two.handOver(), three.handOver()]);
    ports = { api: one.number, apiMetrics: two.number, workerMetrics: three.number };
    owner = { DATABASE_URL: postgres.url('patchbay_owner', 'owner1', 'patchbay') };
    settings = {
      NODE_ENV: 'production',
      DATABASE_URL: postgres.url('patchbay_runtime', 'runtime1', 'patchbay'),
      TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
      TEMPORAL_TASK_QUEUE: `deploy-${randomUUID()}`,
      ENCRYPTION_KEY: testKey,
      PUBLIC_URL: `http://127.0.0.1:${ports.api}`,
      UNIPILE_DSN: sandbox.unipileUrl,
      UNIPILE_ACCESS_TOKEN: 'sandbox-key',
      SHUTDOWN_GRACE_SECONDS: '3',
      // No local stack is found there.
      PATCHBAY_HOME: home,
    };
  });
  afterAll(async () => {
    await Promise.all([api?.stop(), worker?.stop()]);
    await sandbox?.close();
    await postgres?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it('creates logins and databases, and can be repeated', async () => {
    const bin = found?.bin ?? '';
    await provideRoles(postgres, bin);
    expect(await provideRoles(postgres, bin)).toBe('');
    const rights = await as(
      'postgres',
      postgres.password,
      "select rolname from pg_roles where rolname like any('{patchbay%,temporal}') and (rolsuper or rolcreaterole or rolcreatedb or rolbypassrls)",
    );
    expect(rights).toEqual([]);
    expect(postgres.log()).not.toContain('runtime1');
  });

  it('migrates as an owner that may not make roles, the second time with nothing to do', async () => {
    expect(await runRole(['npm', 'run', '-s', 'migrate'], owner)).toMatch(/^applied 0001-foundation/m);
    expect(await runRole(['npm', 'run', '-s', 'migrate'], owner)).toMatch(/^nothing to do/m);
  });

  it('gives the serving login no rights of its own, and keeps each login out of other databases', async () => {
    await expect(as('patchbay_runtime', 'runtime1', 'select from accounts')).rejects.toThrow(/permission denied/);
    await expect(as('patchbay_runtime', 'runtime1', 'set role patchbay_owner')).rejects.toThrow(/permission denied/);
    await expect(as('patchbay_reader', 'reader1', 'delete from accounts')).rejects.toThrow(/permission denied/);
    for (const making of [
      'select lo_create(0)',
      "select lo_from_bytea(0, 'x')",
      'create temporary table mine (id int)',
    ])
      await expect(as('patchbay_reader', 'reader1', making)).rejects.toThrow(/permission denied/);
    expect(await as('patchbay_reader', 'reader1', 'select from accounts')).toEqual([]);
    await expect(as('patchbay_runtime', 'runtime1', 'select 1', 'temporal')).rejects.toThrow(/permission denied/);
    await expect(as('temporal', 'temporal1', 'select 1')).rejects.toThrow(/permission denied/);
  });

  it('connects an account over HTTP', async () => {
    api = startRole(['npm', 'run', '-s', 'api'], {
      ...settings,
      PORT: String(ports.api),
      METRICS_PORT: String(ports.apiMetrics),
    });
    worker = startRole(['npm', 'run', '-s', 'worker'], { ...settings, METRICS_PORT: String(ports.workerMetrics) });
    await Promise.all([api.prints('api ready'), worker.prints('worker ready')]);

    const made = await runRole(
      ['node', join(project, 'cli/main.ts'), 'keys', 'create', '--tenant', 'acme', '--scope', 'all', '--json'],
      settings,
    );
    const { api_key: key } = JSON.parse(made) as { api_key: string };
    const caller = createClient(`http://127.0.0.1:${ports.api}`, key);
    const { status, body } = await caller.post('/api/v1/accounts', {
      provider: 'unipile',
      channel: 'whatsapp',
      owner: 'maya',
    });
    expect({ status, step: body.attempt.step.kind }).toEqual({ status: 202, step: 'qr' });
    const { body: account } = await caller.get(`/api/v1/accounts/${body.account.id}`);
    await createControl(sandbox.controlUrl).post('/scan', { account_id: account.provider_account_id });
    expect(await caller.account(body.account.id, 'active')).toMatchObject({ who: 'nobody' });
  });

  it('SECURITY 24: /metrics is on its private loopback port alone', async () => {
    const at = (port: number, path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    expect((await at(ports.api, '/metrics')).status).not.toBe(200);
    expect(await (await at(ports.apiMetrics, '/metrics')).text()).toContain('patchbay_http_request_seconds_count');
    expect(await (await at(ports.workerMetrics, '/metrics')).text()).toContain('temporal_worker_task_slots_available');
  });

  it('stops on SIGTERM with 0, and says nothing of secrets', async () => {
    const codes = await Promise.all([api?.stop(), worker?.stop()]);
    expect(codes).toEqual([0, 0]);
    const output = `${api?.output()}${worker?.output()}`;
    for (const secret of [testKey, 'runtime1', 'sandbox-key']) expect(output).not.toContain(secret);
  });
});

describe('production mode', () => {
  const valid = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgresql://patchbay_runtime:x@127.0.0.1:1/patchbay',
    ENCRYPTION_KEY: testKey,
  };
  const { ENCRYPTION_KEY: _key, ...keyless } = valid;

  it.each([
    ['the API without ENCRYPTION_KEY', ['node', 'api/main.ts'], keyless, 'ENCRYPTION_KEY is not set'],
    ['the worker without ENCRYPTION_KEY', ['node', 'workers/main.ts'], keyless, 'ENCRYPTION_KEY is not set'],
    ['a key that is too short', ['node', 'api/main.ts'], { ...valid, ENCRYPTION_KEY: 'c2hvcnQ=' }, 'ENCRYPTION_KEY'],
    [
      'migrate without DATABASE_URL',
      ['node', 'cli/main.ts', 'migrate'],
      { PATCHBAY_HOME: '/nowhere' },
      'DATABASE_URL is not set',
    ],
    [
      "the sandbox's clock (SECURITY 23)",
      ['node', 'workers/main.ts'],
      { ...valid, SANDBOX_CONTROL_URL: 'http://127.0.0.1:3910' },
      'SANDBOX_CONTROL_URL is set with NODE_ENV=production',
    ],
    ['the sandbox itself (SECURITY 23)', ['node', 'sandbox/main.ts'], valid, 'NODE_ENV=production'],
  ] as const)('refuses %s with one clear line', async (_what, command, environment, line) => {
    const { code, output } = await startRole(command, environment).ended;
    expect({ code, lines: output.trim().split('\n') }).toEqual({ code: 1, lines: [expect.stringContaining(line)] });
    expect(output).not.toContain(testKey);
  });
});
