import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeTemporaryHome } from '../../dev/parts/home.ts';
import { startStack, type Stack } from '../../dev/stack.ts';
import { columnsOf, installationKeys, logsOf, runsOf, temporalFilesOf } from '../security/places.ts';
import { findAll, type Canary } from '../security/search.ts';
import { createClient, type ApiClient } from '../support/client.ts';
import { createControl, type Control } from '../support/control.ts';
import { eventually } from '../support/eventually.ts';

let stack: Stack;
let home: string;
let api: ApiClient;
let control: Control;
let wasenderUrl: string;
beforeAll(async () => {
  home = makeTemporaryHome('wasender');
  const { DATABASE_URL: _url, TEMPORAL_ADDRESS: _address, ...env } = process.env;
  const own = { PATCHBAY_HOME: home, LOG_LEVEL: 'trace', RECONCILE_INTERVAL_SECONDS: '2' };
  stack = await startStack({ ...env, ...own }, () => undefined, new AbortController().signal);
  const { api_url: url, api_key: key, sandbox } = stack.describe();
  api = createClient(url, key);
  control = createControl(sandbox?.control_url ?? '');
  wasenderUrl = sandbox?.wasender_url ?? '';
}, 240_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(home, { recursive: true, force: true });
}, 60_000);

it('the local stack tells where its WASender is, as WASender’s own client takes it', async () => {
  expect(wasenderUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api$/);
  expect((await api.get('/api/v1/providers/wasender')).body).toMatchObject({
    configured: true,
    webhook_header: 'X-Webhook-Signature',
    capabilities: { channels: { whatsapp: { methods: ['qr'] } } },
  });
});

it('SECURITY 4: after intake no dump, log, history or answer holds a session’s API key or webhook secret', async () => {
  for (const value of ['documented', 'all'])
    await control.put('/variants', { provider: 'wasender', name: 'webhook_session_id', value });
  const body = {
    provider: 'wasender',
    channel: 'whatsapp',
    owner: 'maya',
    credentials: { phone_number: '+33639980161' },
  };
  const { account } = (await api.post('/api/v1/accounts', body)).body;
  const path = `/api/v1/accounts/${account.id}`;
  const session = (await api.get(path)).body.provider_account_id;
  const keys = await keysOf(session);
  await control.put('/faults', {
    provider: 'wasender',
    webhook_duplicate: 0.5,
    rate_500: 0.2,
    rate_429: 0.1,
    times: 12,
  });
  await control.post('/scan', { session });
  await api.account(account.id, 'active');
  await control.post('/messages', { session, from: '+33639980002', text: 'Hello' });
  for (const status of ['connecting', 'connected', 'logged_out']) await control.post('/drop', { session, status });
  await api.account(account.id, 'reconnect_required');
  await api.post(`${path}/reconnect`);
  await control.put('/faults', { provider: 'wasender' });
  await api.step(account.id, 'qr');
  await control.post('/scan', { session });
  await api.account(account.id, 'active');
  // One that cannot be read, and one whose key another account shows.
  await deliver(session, `{"sessionId": "${keys[0]?.value}", broken`, keys[1]?.value ?? '');
  await deliver(session, '{"event": "session.status"}', keys[0]?.value ?? '', 401);
  await api.post(`${path}/syncs`, { kind: 'details' });

  const listed = await eventually('events of every kind', async () => {
    const { items } = (await api.get('/api/v1/webhook-events?limit=200')).body;
    const types = items.map((one: any) => one.type);
    const wanted = ['session.status.logged_out', 'messages.received', 'unreadable'];
    return wanted.every((type) => types.includes(type)) ? items : null;
  });
  const answers = [
    ...(await Promise.all(listed.map(({ id }: any) => api.get(`/api/v1/webhook-events/${id}`)))),
    ...(await Promise.all(
      ['', '/timeline?limit=200', '/attempt', '/syncs', '/health'].map((rest) => api.get(path + rest)),
    )),
    await api.get('/api/v1/providers/wasender'),
    await api.get('/api/v1/accounts?limit=200'),
  ];
  // The key in use has the scope that shows raw bodies: they are there, without the session's key.
  const bodies = answers.map(({ body }) => body.body).filter((body) => typeof body === 'string');
  expect(bodies.join()).toContain('[session key]');

  const { database_url: database, temporal_address: address } = stack.describe();
  const encryptionKey = readFileSync(join(home, 'encryption-key'), 'utf8').trim();
  const runs = await runsOf(address, await installationKeys(database, encryptionKey));
  const columns = await columnsOf(database);
  expect(columns.find(({ name }) => name === 'column accounts.provider_keys')?.bytes.toString()).toMatch(/^v2\./m);
  const places = [
    { name: 'answers', bytes: Buffer.from(JSON.stringify([listed, answers.map(({ body }) => body)])) },
    ...logsOf(home),
    ...columns,
    ...temporalFilesOf(home),
    ...runs.flatMap(({ raw, opened }) => [raw, opened]),
  ];
  expect(findAll(places, keys)).toEqual([]);
  expect(findAll([{ name: 'control', bytes: Buffer.from(keys.map(({ value }) => value).join()) }], keys)).toHaveLength(
    2,
  );
}, 120_000);

/** What WASender gave the session. */
async function keysOf(session: string): Promise<Canary[]> {
  const { data } = await asked(`/whatsapp-sessions/${session}`);
  return [
    { name: 'session key', value: data.api_key },
    { name: 'webhook secret', value: data.webhook_secret },
  ];
}

async function asked(path: string): Promise<any> {
  const answer = await fetch(wasenderUrl + path, { headers: { authorization: 'Bearer 1|sandbox-pat' } });
  return answer.json();
}

/** A delivery that another sender may make. */
async function deliver(session: string, body: string, signature: string, wanted = 200): Promise<void> {
  const { data } = await asked(`/whatsapp-sessions/${session}`);
  const headers = { 'content-type': 'application/json', 'x-webhook-signature': signature };
  const answer = await fetch(data.webhook_url, { method: 'POST', headers, body });
  await answer.body?.cancel();
  expect(answer.status).toBe(wanted);
}
