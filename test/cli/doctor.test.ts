import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { answerOf, patchbay } from './run.ts';

interface Line {
  check: string;
  outcome: 'PASS' | 'FAIL' | 'SKIP';
  found: string;
  what_to_do: string | null;
}

let real: RealStack;
beforeAll(async () => {
  real = await startRealStack();
}, 300_000);
afterAll(() => real?.stop(), 60_000);

const doctor = (env: Record<string, string> = {}): Promise<Line[]> => answerOf({ ...real.env, ...env }, 'doctor');
const failing = (lines: Line[]): string[] =>
  lines.filter(({ outcome }) => outcome === 'FAIL').map(({ check }) => check);
const lineOf = (lines: Line[], check: string): Line => {
  const found = lines.find((line) => line.check === check);
  if (!found) throw new Error(`no line ${check} in ${JSON.stringify(lines)}`);
  return found;
};

/** The database as the schema's owner. */
async function asOwner(sql: string): Promise<pg.QueryResult> {
  const { database_url: described } = real.stack.describe();
  const client = new pg.Client({ connectionString: databaseUrlOf(real.home, described, 'owner') });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

/** A port without a listener. */
const deadPort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

it('lists the remaining steps of a new installation, without a failure', async () => {
  const lines = await doctor();
  expect(lineOf(lines, 'provider (unipile)')).toMatchObject({
    outcome: 'SKIP',
    what_to_do: expect.stringContaining('patchbay webhooks register'),
  });
  expect(lineOf(lines, 'fetching')).toMatchObject({
    outcome: 'SKIP',
    found: 'no account of wasender is connected',
    what_to_do: expect.stringContaining('patchbay accounts import'),
  });
  expect(lineOf(lines, 'single sync')).toMatchObject({ outcome: 'SKIP', found: 'waits for: fetching' });
  const registered = await answerOf(real.env, 'webhooks', 'register');
  expect(registered).toContainEqual({ provider: 'unipile', tenant: null, outcome: 'registered', why: '' });
  expect(registered.filter(({ outcome }: any) => outcome !== 'registered')).toEqual([]);
});

/** Connects a WhatsApp number whose address book has been read. */
async function connectNumber(): Promise<string> {
  const credentials = { phone_number: '+33639986001' };
  const request = { provider: 'wasender', channel: 'whatsapp', owner: 'maya', credentials };
  const { id } = (await real.api.post('/api/v1/accounts', request)).body.account;
  await real.api.step(id, 'qr');
  const { provider_account_id: session } = (await real.api.get(`/api/v1/accounts/${id}`)).body;
  await real.control.post('/scan', { session });
  await real.api.account(id, 'active');
  await eventually('its contacts', async () => (await kept()).contacts.length > 0);
  return id;
}

/** Has a person write to both: to the number, and to a WhatsApp account whose provider keeps history. */
async function beginConversations(number: string): Promise<string> {
  const request = { provider: 'unipile', channel: 'whatsapp', owner: 'maya' };
  const { id } = (await real.api.post('/api/v1/accounts', request)).body.account;
  await real.api.step(id, 'qr');
  const upstream = async (account: string): Promise<string> =>
    (await real.api.get(`/api/v1/accounts/${account}`)).body.provider_account_id;
  await real.control.post('/scan', { account_id: await upstream(id) });
  await real.api.account(id, 'active');
  const message = { from: '+33639986100', name: 'Noa', text: 'hello' };
  await real.control.post('/messages', { ...message, account_id: await upstream(id) });
  await real.control.post('/messages', { ...message, session: await upstream(number) });
  for (const account of [id, number])
    await eventually('the message', async () => {
      // The first history may be there before it.
      const { items } = (await real.api.get(`/api/v1/messages?account=${account}`)).body;
      return items.some(({ text }: any) => text === 'hello');
    });
  await eventually('the first history', async () => {
    const { items } = (await real.api.get(`/api/v1/accounts/${id}/syncs?kind=conversations`)).body;
    return items.length > 0 && items.every(({ state }: any) => state !== 'running');
  });
  return id;
}

const kept = async (): Promise<{ contacts: any[]; events: any[] }> => ({
  contacts: (await real.api.get('/api/v1/contacts?limit=200')).body.items,
  events: (await real.api.get('/api/v1/webhook-events?limit=200')).body.items,
});

it('B15: passes everything that this version has on a whole stack, and leaves nothing behind', async () => {
  const account = await connectNumber();
  const withHistory = await beginConversations(account);
  const before = await kept();
  const { code, stdout } = await patchbay(real.env, 'doctor');
  expect(stdout).toMatch(
    new RegExp(`^fetching +PASS +a page of 11 contacts of account ${account}; nothing was stored$`, 'm'),
  );
  expect(stdout).toMatch(/^single sync +PASS +one contact of account .* it was not$/m);
  expect(stdout).toMatch(
    new RegExp(
      `^conversation sync \\(history\\) +PASS +a page of [1-9]\\d* conversations and [1-9]\\d* messages of account ${withHistory};`,
      'm',
    ),
  );
  expect(stdout).toMatch(
    new RegExp(
      `^conversation sync \\(contacts\\) +PASS +the person of a conversation of account ${account} was found`,
      'm',
    ),
  );
  expect(stdout).toMatch(/^media +PASS +a file was written, read and removed in /m);
  expect(stdout).toMatch(/^API +PASS +answers at http/m);
  expect(stdout).toMatch(
    /^webhook loop \(unipile\) +PASS .*\nwebhook loop \(wasender\) +PASS .*\n\n\d+ PASS, 0 FAIL, 0 SKIP\n$/m,
  );
  expect(code).toBe(0);
  expect(await kept()).toEqual(before);
});

it('B15: fails for fetching alone, with a remedy, when the provider does not give the address book', async () => {
  const fault = { provider: 'wasender', route: 'GET /api/contacts', rate_500: 1 };
  await real.control.put('/faults', fault);
  const lines = await doctor();
  await real.control.put('/faults', { provider: 'wasender' });
  expect(failing(lines)).toEqual(['fetching']);
  expect(lineOf(lines, 'fetching').what_to_do).toMatch(/\S/);
  expect(lineOf(lines, 'single sync')).toMatchObject({ outcome: 'SKIP', found: 'waits for: fetching' });
});

it('B15: fails for the conversation sync alone, with a remedy, when the provider gives no chats', async () => {
  await real.control.put('/faults', { provider: 'unipile', route: 'GET /api/v1/chats', rate_500: 1 });
  const lines = await doctor();
  await real.control.put('/faults', { provider: 'unipile' });
  expect(failing(lines)).toEqual(['conversation sync (history)']);
  expect(lineOf(lines, 'conversation sync (history)').what_to_do).toMatch(/\S/);
  expect(lineOf(lines, 'conversation sync (contacts)').outcome).toBe('PASS');
});

it('fails with the advice to migrate while a migration is pending', async () => {
  const { rows } = await asOwner(
    'delete from schema_migrations where id = (select max(id) from schema_migrations) returning name',
  );
  const { code, stdout } = await patchbay(real.env, 'doctor');
  await asOwner(`insert into schema_migrations (name) values ('${rows[0].name}')`);
  expect(code).toBe(1);
  expect(stdout).toMatch(new RegExp(`schema +FAIL +pending: ${rows[0].name} .*patchbay migrate`));
  expect(failing(await doctor())).toEqual([]);
});

it("fails with the advice to set a tenant's key again when the provider refuses it", async () => {
  const put = (token: string): Promise<Response> =>
    fetch(`${real.api.url}/api/v1/providers/unipile`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${real.api.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ dsn: real.stack.describe().sandbox?.unipile_url, access_token: token }),
    });
  expect((await put('wrong-key')).status).toBe(200);
  const lines = await doctor();
  expect(failing(lines)).toEqual(['provider (unipile of demo)']);
  const { found, what_to_do: advice } = lineOf(lines, 'provider (unipile of demo)');
  expect(found).toContain('the key is refused');
  expect(found).not.toContain('wrong-key');
  expect(advice).toContain('PUT /api/v1/providers/unipile');
  await put('sandbox-key');
  await patchbay(real.env, 'webhooks', 'register');
  expect(failing(await doctor())).toEqual([]);
});

it('fails with the advice to start a worker where none polls', async () => {
  const lines = await doctor({ TEMPORAL_TASK_QUEUE: 'nobody-here' });
  expect(failing(lines)).toEqual(['workers (workflows)', 'workers (activities)', 'workers (backfill)']);
  expect(lineOf(lines, 'workers (backfill)')).toMatchObject({
    found: 'no worker polls nobody-here-backfill for activities',
    what_to_do: expect.stringContaining('npm run worker'),
  });
});

it('names the setting when the namespace is not there', async () => {
  const { outcome, what_to_do: advice } = lineOf(await doctor({ TEMPORAL_NAMESPACE: 'elsewhere' }), 'Temporal');
  expect({ outcome, advice }).toEqual({ outcome: 'FAIL', advice: expect.stringContaining('TEMPORAL_NAMESPACE') });
});

/** Stops one of the stack's processes during `work`: it exists and answers nothing. */
async function whileHung<T>(part: 'temporal' | 'postgres' | 'sandbox', work: () => Promise<T>): Promise<T> {
  const pid = real.stack.describe().pids[part] ?? 0;
  process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
    await real.ready();
  }
}

it('fails for Temporal alone, in bounded time, where Temporal hangs or is not there', async () => {
  const dead = await deadPort();
  const both = [await whileHung('temporal', () => doctor()), await doctor({ TEMPORAL_ADDRESS: `127.0.0.1:${dead}` })];
  for (const lines of both) {
    expect(failing(lines)).toEqual(['Temporal']);
    expect(lineOf(lines, 'Temporal').what_to_do).toContain('Start Temporal');
    expect(lineOf(lines, 'workers')).toMatchObject({ outcome: 'SKIP', found: 'waits for: Temporal' });
    expect(lineOf(lines, 'webhook loop (unipile)').outcome).toBe('PASS');
  }
});

it('ends, and still checks the rest, while PostgreSQL hangs', async () => {
  const lines = await whileHung('postgres', () => doctor());
  expect(failing(lines)).toEqual(['database']);
  expect(lineOf(lines, 'Temporal').outcome).toBe('PASS');
});

it('ends while the provider hangs', async () => {
  const lines = await whileHung('sandbox', () => doctor());
  expect(failing(lines)).toEqual(['provider', 'fetching', 'conversation sync']);
  expect(lineOf(lines, 'provider')).toMatchObject({ found: 'no answer within 10 s' });
});

it('fails where PUBLIC_URL leads nowhere, or was changed since the webhook was registered', async () => {
  const lines = await doctor({ PUBLIC_URL: `http://127.0.0.1:${await deadPort()}` });
  const expected = ['provider (unipile)', 'provider (unipile of demo)', 'API', 'webhook loop (unipile)'];
  expect(failing(lines)).toEqual(expect.arrayContaining(expected));
  expect(failing(lines).filter((check) => !/^(provider|webhook loop|API)\b/.test(check))).toEqual([]);
  expect(lineOf(lines, 'provider (unipile)').what_to_do).toContain('patchbay webhooks register');
  expect(lineOf(lines, 'webhook loop (unipile)')).toMatchObject({
    found: expect.stringContaining('cannot be reached'),
    what_to_do: expect.stringContaining('PUBLIC_URL'),
  });
});

it('fails when PUBLIC_URL leads to another server', async () => {
  const lines = await doctor({ PUBLIC_URL: real.control.url });
  expect(lineOf(lines, 'webhook loop (unipile)')).toMatchObject({
    outcome: 'FAIL',
    found: expect.stringContaining('404'),
  });
});

it('fails for a ring that lacks a key, and names the checks that it skips', async () => {
  const lines = await doctor({ ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') });
  expect(failing(lines)).toEqual(['encryption']);
  expect(lineOf(lines, 'encryption').what_to_do).toContain('ENCRYPTION_KEYS');
  expect(lineOf(lines, 'provider')).toMatchObject({ outcome: 'SKIP', found: 'waits for: encryption' });
});

it('fails for PostgreSQL alone when it does not answer, and still checks the rest', async () => {
  const local = JSON.parse(readFileSync(join(real.home, 'settings.json'), 'utf8'));
  const dead = `postgres://a:secret-word@127.0.0.1:${await deadPort()}/b`;
  const lines = await doctor({ ...local, DATABASE_URL: dead });
  expect(failing(lines)).toEqual(['database']);
  expect(lineOf(lines, 'database').what_to_do).toContain('DATABASE_URL');
  expect(lineOf(lines, 'workers (workflows)').outcome).toBe('PASS');
  expect(JSON.stringify(lines)).not.toContain('secret-word');
});

it('names a wrong setting and skips the checks that depend on it', async () => {
  const lines = await doctor({ PORT: 'many' });
  expect(failing(lines)).toEqual(['configuration']);
  expect(lineOf(lines, 'configuration').found).toContain('PORT');
});
