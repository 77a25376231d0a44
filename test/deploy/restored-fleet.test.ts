import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { sandboxSettings, setCallbacks } from '../../sandbox/client-settings.ts';
import { startSandbox, type Sandbox } from '../../sandbox/start.ts';
import { createClient, type ApiClient } from '../support/client.ts';
import { createControl } from '../support/control.ts';
import { required } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { testKey } from '../support/key.ts';
import { everyPage, wasenderAccount } from '../support/wasender-account.ts';
import { debianPostgres, provideRoles, queryAs, startBarePostgres, type BarePostgres } from './debian-postgres.ts';
import { runRole, startRole, type RoleProcess } from './role-process.ts';

const found = debianPostgres();
const node = process.execPath;
const recipient = '+33639980123';

/** docs/guides/backup.md, step by step, with processes as a deployment has them. */
(found ? describe : describe.skip)('SECURITY 20, 21: a fleet on a restored dump', () => {
  const bin = found?.bin ?? '';
  let folder: string;
  let postgres: BarePostgres;
  let sandbox: Sandbox;
  let settings: Record<string, string>;
  let processes: RoleProcess[] = [];
  let port: number;

  const superuser = (): Record<string, string> => ({
    PGHOST: '127.0.0.1',
    PGPORT: String(postgres.port),
    PGUSER: 'postgres',
    PGPASSWORD: postgres.password,
  });
  const rows = (sql: string): Promise<any[]> => queryAs(postgres.url('postgres', postgres.password, 'patchbay'), sql);
  const cli = async (...args: string[]): Promise<any> =>
    JSON.parse((await startRole([node, 'cli/main.ts', ...args, '--json'], settings).ended).output);
  const start = async (): Promise<RoleProcess[]> => {
    const worker = startRole([node, 'workers/main.ts'], settings);
    const api = startRole([node, 'api/main.ts'], { ...settings, PORT: String(port) });
    processes = [worker, api];
    await Promise.all([worker.prints('worker ready', 90_000), api.prints('api ready', 90_000)]);
    return processes;
  };
  const stop = async (): Promise<unknown> => Promise.all(processes.map((one) => one.stop()));
  const readiness = async (): Promise<any> => (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
  const sent = async (): Promise<number> => createControl(sandbox.controlUrl).count('POST', '/api/send-message');

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'patchbay-restored-'));
    [postgres, sandbox] = await Promise.all([startBarePostgres(bin), startSandbox()]);
    const reserved = await reserveFreePort();
    await reserved.handOver();
    port = reserved.number;
    settings = {
      DATABASE_URL: postgres.url('patchbay_runtime', 'runtime1', 'patchbay'),
      TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
      TEMPORAL_TASK_QUEUE: `restored-${randomUUID()}`,
      ENCRYPTION_KEY: testKey,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      ...sandboxSettings(sandbox),
      ERASURE_LEDGER: join(folder, 'ledger.json'),
      MEDIA_FOLDER: join(folder, 'media'),
      RECONCILE_INTERVAL_SECONDS: '1',
      SHUTDOWN_GRACE_SECONDS: '3',
      RATE_LIMIT_PER_MINUTE: '100000',
      PATCHBAY_HOME: folder,
    };
    await setCallbacks(sandbox.controlUrl, settings.PUBLIC_URL ?? '');
    await provideRoles(postgres, bin);
    await runRole([node, 'cli/main.ts', 'migrate'], {
      DATABASE_URL: postgres.url('patchbay_owner', 'owner1', 'patchbay'),
    });
  }, 120_000);
  afterAll(async () => {
    await stop();
    await sandbox?.close();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('sends nothing, brings nobody back who was erased, says what is paused, and goes on after patchbay resume', async () => {
    await start();
    const { api_key: key } = await cli('keys', 'create', '--tenant', 'acme', '--scope', 'all');
    const client: ApiClient = createClient(settings.PUBLIC_URL ?? '', key);
    const control = createControl(sandbox.controlUrl);
    const people = { size: 5, seed: 'restored', lid_only: 0, nameless: 0, unsaved: 0, business: 0 };
    const { id } = await wasenderAccount({ control }, client, people);
    const [person] = await everyPage(client, `/api/v1/contacts?account=${id}`);
    const send = (text: string, more = {}): Promise<any> =>
      client.post('/api/v1/messages', { account: id, recipients: [recipient], text, ...more });
    // Waits in the dump, due long before it is restored.
    const later = await send('Not before the dump', { send_at: new Date(Date.now() + 8_000).toISOString() });
    expect(later.status).toBe(202);
    const dump = join(folder, 'patchbay.dump');
    await runRole([join(bin, 'pg_dump'), '--format=custom', `--file=${dump}`, 'patchbay'], superuser());

    const { body: erasure } = await client.post('/api/v1/erasures?wait=20', { phone: person.phone_number });
    expect(erasure.state).toBe('done');
    await eventually('the ledger', async () =>
      readFileSync(settings.ERASURE_LEDGER ?? '', 'utf8').includes(erasure.id),
    );
    await stop();
    const before = await sent();

    const options = ['--create', '--clean', '--if-exists', '--dbname=postgres'];
    await runRole([join(bin, 'pg_restore'), ...options, dump], superuser());
    expect(await rows(`select id from contacts where id = '${person.id}'`)).toHaveLength(1);

    const [worker, api] = await start();
    for (const one of [worker, api]) expect(one?.output()).toContain('until patchbay resume');
    // The API answers only when the person is erased again.
    expect((await client.get(`/api/v1/contacts/${person.id}`)).status).toBe(404);
    expect(await rows(`select id from contacts where phone_number = '${person.phone_number}'`)).toEqual([]);
    expect(await readiness()).toMatchObject({ status: 'ready', sending: 'paused' });
    const [paused] = (await cli('doctor')).filter(({ check }: { check: string }) => check === 'sending');
    expect(paused).toMatchObject({ outcome: 'FAIL', what_to_do: 'patchbay resume' });
    expect(paused.found).toMatch(/paused for 1 tenants/);

    // Neither what waited in the dump, nor what is requested now.
    await eventually('the scheduled time', async () => Date.now() > Date.parse(later.body.sent_at) + 9_000, 60_000);
    const now = await send('While it is paused');
    expect(now.status).toBe(202);
    const shown = await eventually('a reason to wait', async () => {
      const { body } = await client.get(`/api/v1/messages/${now.body.id}`);
      return body.send?.waits_for ? body : null;
    });
    expect(shown).toMatchObject({ status: 'queued', send: { waits_for: 'paused' } });
    await runRole([node, 'cli/main.ts', 'rebuild'], settings);
    expect(await sent()).toBe(before);

    expect(await cli('resume')).toEqual({ resumed: 1 });
    expect(await readiness()).toMatchObject({ sending: 'on' });
    for (const { body } of [later, now])
      await eventually(
        'both messages',
        async () => (await client.get(`/api/v1/messages/${body.id}`)).body.status === 'sent',
      );
    expect(await sent()).toBe(before + 2);
    expect((await client.get(`/api/v1/contacts/${person.id}`)).status).toBe(404);
    expect(await rows("select action from audit_entries where action = 'resume'")).toHaveLength(1);
  }, 300_000);
});
