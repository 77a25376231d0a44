import { runSql } from '../support/run-sql.ts';
import { startApi } from '../../api/start.ts';
import { createClient } from '../support/client.ts';
import { createStandIn, startTestApi, unique, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

describe('SECURITY 2: keys', () => {
  it('stores a hash only and shows the key once', async () => {
    const made = await api.client.post('/api/v1/api-keys', { name: 'reader', scopes: ['read'] });
    expect(made.status).toBe(201);
    expect(made.body.api_key).toMatch(/^pb_/);
    const listed = await api.client.get('/api/v1/api-keys?limit=200');
    expect(JSON.stringify(listed.body)).not.toContain(made.body.api_key);
    const stored = await api.context.db.system((em) => runSql(em, 'select * from api_keys'));
    expect(JSON.stringify(stored)).not.toContain(made.body.api_key);
    expect((await createClient(api.url, made.body.api_key).get('/api/v1/accounts')).status).toBe(200);
  });

  it('answers 401 with WWW-Authenticate without a key, with a wrong key and with a malformed key', async () => {
    for (const authorization of ['', 'Bearer pb_not-a-key-of-anybody-here', 'Basic abc', 'Bearer sk_1']) {
      const response = await fetch(`${api.url}/api/v1/accounts`, { headers: authorization ? { authorization } : {} });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(await response.json()).toMatchObject({ code: 'unauthorized', status: 401 });
    }
  });

  it('names the missing scope', async () => {
    const reader = await api.clientOf('ours', ['read']);
    const refused = await reader.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: 'x' });
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({ code: 'missing_scope', detail: expect.stringContaining('"write"') });
  });

  it('refuses to create a key with more scopes than the creating key has', async () => {
    const admin = await api.clientOf('ours', ['admin', 'read']);
    expect((await admin.post('/api/v1/api-keys', { name: 'x', scopes: ['raw'] })).status).toBe(403);
    expect((await admin.post('/api/v1/api-keys', { name: 'x', scopes: ['read'] })).status).toBe(201);
  });

  it('limits requests by key, and requests without a key by address', async () => {
    const limited = await startApi(
      { ...api.context.config, PORT: 0, RATE_LIMIT_PER_MINUTE: 3 },
      { temporal: createStandIn() },
    );
    try {
      const client = createClient(limited.url, (await api.clientOf(unique())).key);
      for (let n = 0; n < 3; n += 1) expect((await client.get('/api/v1/accounts')).status).toBe(200);
      const refused = await client.get('/api/v1/accounts');
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      const statuses = [];
      for (let n = 0; n < 4; n += 1) statuses.push((await fetch(`${limited.url}/api/v1/accounts`)).status);
      expect(statuses).toEqual([401, 401, 401, 429]);
    } finally {
      await limited.close();
    }
  });
});

it('SECURITY 15: a replay does not show a key again', async () => {
  const headers = { 'idempotency-key': 'one-key' };
  const first = await api.client.post('/api/v1/api-keys', { name: 'once' }, headers);
  const again = await api.client.post('/api/v1/api-keys', { name: 'once' }, headers);
  expect(first.body.api_key).toMatch(/^pb_/);
  expect(again.body).toEqual({ ...first.body, api_key: null });
  expect(again.headers.get('idempotent-replayed')).toBe('true');
});
