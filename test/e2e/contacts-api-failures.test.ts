import pg from 'pg';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { everyPage, wasenderAccount } from '../support/wasender-account.ts';

let stack: TestStack;
let owner: pg.Client;
let known: any;
beforeAll(async () => {
  stack = await startTestStack();
  await wasenderAccount(stack, stack.api, { size: 5, seed: 'failures', lid_only: 0 });
  [known] = await everyPage(stack.api, '/api/v1/contacts');
  owner = new pg.Client({ connectionString: stack.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner?.end();
  await stack?.stop();
});

const nobody = '01890000-0000-7000-8000-000000000000';

describe('B10: errors', () => {
  it('are 404 for an unknown contact, on every route', async () => {
    const asked = [
      await stack.api.get(`/api/v1/contacts/${nobody}`),
      await stack.api.get('/api/v1/contacts/not-an-id'),
      await stack.api.patch(`/api/v1/contacts/${nobody}`, { name: 'x' }),
      await stack.api.delete(`/api/v1/contacts/${nobody}`),
      await stack.api.post(`/api/v1/contacts/${nobody}/unmerge`),
      await stack.api.post('/api/v1/contacts/merge', { contact_ids: [known.id, nobody] }),
      await stack.api.post('/api/v1/contacts/bulk', { contact_ids: [nobody], set: { groups: ['x'] } }),
      await stack.api.post('/api/sync/wasender-contact/+15550099990'),
    ];
    for (const { status, body } of asked) expect([status, body.code]).toEqual([404, 'not_found']);
  });

  it('are 500 when the database fails, without details', async () => {
    const tables = ['contacts', 'sync_runs'];
    for (const name of tables) await owner.query(`alter table ${name} rename to ${name}_elsewhere`);
    const failed: any[] = [];
    try {
      failed.push(
        await stack.api.get('/api/v1/contacts'),
        await stack.api.get(`/api/v1/contacts/${known.id}`),
        await stack.api.get('/api/sync/status'),
        await stack.api.post('/api/sync/wasender-contacts'),
        await stack.api.post(`/api/sync/wasender-contact/${known.phone_number}`),
      );
    } finally {
      for (const name of tables) await owner.query(`alter table ${name}_elsewhere rename to ${name}`);
    }
    for (const { status, body } of failed) {
      expect([status, body.code]).toEqual([500, 'unexpected']);
      expect(JSON.stringify(body)).not.toContain('relation');
    }
    for (const { body } of failed.slice(2)) expect(body.error).toBe(body.detail);
    expect((await stack.api.get(`/api/v1/contacts/${known.id}`)).status).toBe(200);
  });

  it('are 503 when WASender is not configured', async () => {
    const { rowCount } = await owner.query(
      `update provider_credentials set provider = 'none' where provider = 'wasender'`,
    );
    expect(rowCount).toBe(1);
    try {
      const client = await stack.client('unconfigured');
      for (const path of ['wasender-contacts', `wasender-contact/${known.phone_number}`]) {
        const { status, body, headers } = await client.post(`/api/sync/${path}`);
        expect([status, body.code, headers.has('retry-after')]).toEqual([503, 'provider_not_configured', true]);
        expect(body.error).toBe(body.detail);
      }
      const { data } = (await client.get('/api/sync/status')).body;
      expect(data).toEqual({ wasender_configured: false, sync_available: false, last_sync: null });
    } finally {
      await owner.query(`update provider_credentials set provider = 'wasender' where provider = 'none'`);
    }
  });
});

it('do not affect reads while the provider is down; reads never call it', async () => {
  await stack.control.put('/faults', { provider: 'wasender', rate_500: 1 });
  await stack.control.delete('/calls');
  const reads = [
    '/api/v1/contacts',
    `/api/v1/contacts/${known.id}`,
    '/api/v1/contacts?q=a',
    '/api/v1/contacts/stats',
    '/api/v1/contacts/sync-status',
    '/api/v1/syncs?kind=contacts',
    '/api/sync/status',
  ];
  for (const path of reads) expect([path, (await stack.api.get(path)).status]).toEqual([path, 200]);
  const asked = (await stack.control.get('/calls')).filter(({ route }: { route: string }) =>
    route.includes('/contacts'),
  );
  expect(asked.filter(({ route }: { route: string }) => !route.endsWith('/picture'))).toEqual([]);
  await stack.control.put('/faults', { provider: 'wasender' });
});
