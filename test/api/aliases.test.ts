import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { linkedin, upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const upstream = (id: string): Promise<string> => upstreamOf(stack.api, id);

/** An active account, by the documented path and a scan. */
async function scanned(phone: string): Promise<string> {
  const { body } = await stack.api.post('/api/unipile/connect-whatsapp');
  await stack.control.post('/scan', { account_id: await upstream(body.accountId), phone });
  await stack.api.account(body.accountId, 'active');
  return body.accountId;
}

async function begun(body: object): Promise<string> {
  const { body: answer } = await stack.api.post('/api/v1/accounts', body);
  return answer.account.id;
}

const accountFields = ['accountIdentifier', 'createdAt', 'id', 'lastSync', 'provider', 'status', 'updatedAt'];
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/;

describe('A1: POST /api/unipile/connect-whatsapp and GET /api/unipile/check-status', () => {
  it.each(['', '/'])('give the QR code and follow the account until it is connected (slash "%s")', async (slash) => {
    const { status, body } = await stack.api.post(`/api/unipile/connect-whatsapp${slash}`, {});
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['account', 'accountId', 'qrCodeString']);
    expect(body.qrCodeString.length).toBeGreaterThan(10);
    expect(Object.keys(body.account).sort()).toEqual(accountFields);
    expect(body.account).toMatchObject({ id: body.accountId, provider: 'whatsapp', status: 'pending', lastSync: null });
    expect(body.account.createdAt).toMatch(time);

    const check = async () =>
      (await stack.api.get(`/api/unipile/check-status${slash}?accountId=${body.accountId}`)).body;
    expect(await check()).toEqual({ accountId: body.accountId, status: 'pending', connected: false });
    // The alias answers with the step of its route.
    const { step } = (await stack.api.get(`/api/v1/accounts/${body.accountId}/attempt`)).body;
    expect(step).toMatchObject({ kind: 'qr', text: body.qrCodeString });
    await stack.control.post('/scan', { account_id: await upstream(body.accountId) });
    const connected = await eventually('the scan', async () => {
      const seen = await check();
      return seen.connected ? seen : null;
    });
    expect(connected).toEqual({ accountId: body.accountId, status: 'connected', connected: true });
  });

  it('make one account of a request repeated under one Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'a1-twice' };
    const [one, two] = await Promise.all(
      [1, 2].map(() => stack.api.post('/api/unipile/connect-whatsapp', {}, headers)),
    );
    expect(two!.body).toEqual(one!.body);
  });

  it('answer errors as {error}', async () => {
    const missing = await stack.api.get('/api/unipile/check-status');
    expect(missing).toMatchObject({ status: 422, body: { error: expect.stringContaining('accountId') } });
    const unknown = await stack.api.get('/api/unipile/check-status?accountId=nobody');
    expect(unknown).toMatchObject({ status: 404, body: { error: expect.any(String), code: 'not_found' } });
    const keyless = await fetch(`${stack.api.url}/api/unipile/check-status?accountId=nobody`);
    expect(keyless.status).toBe(401);
    expect(await keyless.json()).toMatchObject({ error: expect.any(String) });
  });
});

describe('A4: POST /api/v1/accounts/{id}/solve_checkpoint', () => {
  it('returns the present step of the login; a wrong code may be tried again', async () => {
    const id = await begun(linkedin('2fa', 'nora'));
    const wrong = await stack.api.post(`/api/v1/accounts/${id}/solve_checkpoint`, { code: '000000' });
    expect(wrong).toMatchObject({ status: 202, body: { account_id: id, step: { kind: 'code' } } });
    const right = await stack.api.post(`/api/v1/accounts/${id}/solve_checkpoint/`, { code: '123456' });
    expect(right.status).toBe(202);
    await stack.api.account(id, 'active');
    const late = await stack.api.post(`/api/v1/accounts/${id}/solve_checkpoint`, { code: '123456' });
    expect(late.status).toBe(409);
  });

  it('names the missing field', async () => {
    const id = await begun(linkedin('2fa', 'olga'));
    const refused = await stack.api.post(`/api/v1/accounts/${id}/solve_checkpoint`, {});
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'invalid_request', detail: expect.stringMatching(/^code:/) },
    });
  });
});

describe('A5: POST /api/v1/accounts/{id}/reconnect_account', () => {
  it('logs the account in again under the same id', async () => {
    const id = await begun(linkedin('plain', 'pia'));
    await stack.api.account(id, 'active');
    await stack.control.post('/drop', { account_id: await upstream(id), status: 'CREDENTIALS' });
    await stack.api.account(id, 'reconnect_required');
    const { status, body } = await stack.api.post(`/api/v1/accounts/${id}/reconnect_account`);
    expect(status).toBe(202);
    expect(body).toMatchObject({ account: { id }, attempt: { account_id: id, operation: 'reconnect' } });
    await stack.api.account(id, 'active');
  });
});

describe('A10: details over HTTP', () => {
  const connectionConfig = [
    'phone_number',
    'account_type',
    'messaging_status',
    'messaging_source_id',
    'created_at',
    'sources',
    'groups',
    'last_api_sync',
    'api_object_type',
  ];
  const providerConfig = [
    'features',
    'webhook_events',
    'rate_limits',
    'notification_preferences',
    'account_metadata',
    'messaging_enabled',
    'provider_type',
    'formatted_phone_number',
  ];
  let whatsapp: string;
  let other: string;
  beforeAll(async () => {
    whatsapp = await scanned('+33639980303');
    other = await begun(linkedin('plain', 'quinn'));
    await stack.api.account(other, 'active');
    for (const id of [whatsapp, other])
      await eventually('the details', async () => (await stack.api.get(`/api/v1/accounts/${id}`)).body.details_at);
  });
  const idsOf = (accounts: any[]): string[] => accounts.map((one) => one.id);

  it.each(['', '/'])('GET whatsapp-details lists WhatsApp accounts with all details (slash "%s")', async (slash) => {
    const { status, body } = await stack.api.get(`/api/v1/accounts/whatsapp-details${slash}?limit=200`);
    expect(status).toBe(200);
    expect(new Set(body.accounts.map((one: any) => one.channel))).toEqual(new Set(['whatsapp']));
    const account = body.accounts.find((one: any) => one.id === whatsapp);
    expect(Object.keys(account.connection_config)).toEqual(expect.arrayContaining(connectionConfig));
    expect(Object.keys(account.provider_config)).toEqual(expect.arrayContaining(providerConfig));
    expect(account.connection_config.phone_number).toBe('+33639980303');
    // The provider's raw answer needs a scope, and is never in a list.
    expect(account.connection_config).not.toHaveProperty('full_api_response');
    expect((await stack.api.get(`/api/v1/accounts/${whatsapp}`)).body.connection_config.full_api_response).toBeTruthy();
  });

  it.each(['', '/'])('GET all-connections lists every channel, and pages (slash "%s")', async (slash) => {
    const path = `/api/v1/accounts/all-connections${slash}`;
    const all = idsOf((await stack.api.get(`${path}?limit=200`)).body.connections);
    expect(all).toEqual(expect.arrayContaining([whatsapp, other]));
    const paged: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body }: any = await stack.api.get(`${path}?limit=1${cursor && `&cursor=${cursor}`}`);
      paged.push(...idsOf(body.connections));
      cursor = body.next_cursor;
    }
    expect(paged).toEqual(all);
  });

  it('read one account when it is named', async () => {
    for (const [path, list] of [
      ['whatsapp-details', 'accounts'],
      ['all-connections', 'connections'],
    ] as const) {
      const { body } = await stack.api.get(`/api/v1/accounts/${path}/?account=${whatsapp}`);
      expect(idsOf(body[list])).toEqual([whatsapp]);
      expect((await stack.api.get(`/api/v1/accounts/${path}/?account=nobody`)).status).toBe(404);
    }
  });

  /** Waits for a started run's end. */
  const succeeded = (id: string) =>
    eventually('the run', async () => (await stack.api.get(`/api/v1/syncs/${id}`)).body.state === 'succeeded');

  it.each(['', '/'])('POST sync-account-details collects those of one account (slash "%s")', async (slash) => {
    const before = (await stack.api.get(`/api/v1/accounts/${whatsapp}`)).body.details_at;
    const path = `/api/v1/accounts/sync-account-details${slash}`;
    const { status, body } = await stack.api.post(path, { account_id: whatsapp });
    expect(status).toBe(202);
    expect(body).toMatchObject({ success: true, run: { account_id: whatsapp, kind: 'details' } });
    await succeeded(body.run.id);
    const after = (await stack.api.get(`/api/v1/accounts/${whatsapp}`)).body;
    expect(Date.parse(after.details_at)).toBeGreaterThan(Date.parse(before));
  });

  it('POST sync-account-details collects the details of all accounts of the tenant when none is named', async () => {
    const { status, body } = await stack.api.post('/api/v1/accounts/sync-account-details/', {});
    expect(status).toBe(202);
    expect(body.success).toBe(true);
    expect(body.runs.map((run: any) => run.account_id)).toEqual(expect.arrayContaining([whatsapp, other]));
    for (const run of body.runs) await succeeded(run.id);
    expect((await stack.api.post('/api/v1/accounts/sync-account-details/', { account_id: 'nobody' })).status).toBe(404);
  });
});

describe('A11: /api/unipile/account', () => {
  it.each(['', '/'])('lists accounts, shows one and disconnects it (slash "%s")', async (slash) => {
    const id = await scanned(slash ? '+33639980304' : '+33639980305');
    const path = `/api/unipile/account${slash}`;
    const list = (await stack.api.get(`${path}?limit=200`)).body.accounts;
    const listed = list.find((one: any) => one.id === id);
    expect(Object.keys(listed).sort()).toEqual(accountFields);
    expect(listed).toMatchObject({ provider: 'whatsapp', status: 'connected' });
    expect(listed.accountIdentifier).toMatch(/^\+336399803/);

    const one = await stack.api.get(`${path}?accountId=${id}`);
    expect(one.status).toBe(200);
    expect(one.body.account).toMatchObject({ id, status: 'connected' });

    const disconnected = await stack.api.delete(`${path}?accountId=${id}`);
    expect(disconnected).toMatchObject({ status: 200, body: { success: true } });
    await stack.api.account(id, 'disconnected');
    expect((await stack.api.get(`${path}?accountId=${id}`)).body.account.status).toBe('disconnected');
    expect((await stack.api.get(`/api/unipile/check-status?accountId=${id}`)).body).toEqual({
      accountId: id,
      status: 'disconnected',
      connected: false,
    });
  });

  it('takes the id to disconnect in the body too', async () => {
    const id = await scanned('+33639980306');
    const response = await fetch(`${stack.api.url}/api/unipile/account`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${stack.api.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ accountId: id }),
    });
    expect([response.status, await response.json()]).toEqual([200, { success: true }]);
    await stack.api.account(id, 'disconnected');
  });

  it('answers {error} for an unknown account', async () => {
    for (const answer of [
      await stack.api.get('/api/unipile/account?accountId=nobody'),
      await stack.api.delete('/api/unipile/account?accountId=nobody'),
      await stack.api.delete('/api/unipile/account'),
    ])
      expect(answer).toMatchObject({ status: 404, body: { error: expect.any(String) } });
  });
});

it('A11: every documented path has the route and the scope of its alias', async () => {
  const { paths } = (await (await fetch(`${stack.api.url}/openapi.json`)).json()) as { paths: Record<string, any> };
  const operations = Object.values(paths).flatMap((methods) => Object.values<any>(methods));
  const aliases = operations.filter(({ tags }) => tags.includes('Compatibility'));
  expect(aliases.length).toBeGreaterThanOrEqual(9);
  for (const { summary, description } of aliases) {
    const [, method = '', path = ''] = /\(stands for (\w+) (\S+)\)$/.exec(summary) ?? [];
    expect(paths[path]?.[method.toLowerCase()]?.description).toBe(description);
  }
});
