import { requestMaintenance } from '../../services/maintenance/request-maintenance.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { temporalClient } from '../support/history.ts';
import { eventually } from '../support/eventually.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const connected = async (phone: string): Promise<any> => {
  const { body } = await stack.api.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: 'o' });
  const { id } = body.account;
  const { provider_account_id: upstream } = (await stack.api.get(`/api/v1/accounts/${id}`)).body;
  await stack.control.post('/scan', { account_id: upstream, phone });
  return stack.api.account(id, 'active');
};
const sync = async (id: string): Promise<any> =>
  (await stack.api.post(`/api/v1/accounts/${id}/syncs?wait=20`, { kind: 'details' })).body;
const read = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}`)).body;

describe('A7: account details', () => {
  it('are the ten and eight points, typed; the raw answer needs a scope', async () => {
    const { id } = await connected('+33639980401');
    const { connection_config: connection, provider_config: provider } = await read(id);
    expect(Object.keys(connection).sort()).toEqual([
      'account_type',
      'api_object_type',
      'created_at',
      'full_api_response',
      'groups',
      'last_api_sync',
      'messaging_source_id',
      'messaging_status',
      'phone_number',
      'sources',
    ]);
    expect(connection).toMatchObject({
      phone_number: '+33639980401',
      account_type: 'WHATSAPP',
      messaging_status: 'OK',
      api_object_type: 'Account',
      groups: [],
      full_api_response: { object: 'Account' },
    });
    expect(Object.keys(provider).sort()).toEqual([
      'account_metadata',
      'features',
      'formatted_phone_number',
      'messaging_enabled',
      'notification_preferences',
      'provider_type',
      'rate_limits',
      'webhook_events',
    ]);
    expect(provider).toMatchObject({
      features: { send: true, receive: true, read_receipts: true, delivery_status: true, media: true },
      account_metadata: { country_code: 'FR', creation_date: connection.created_at },
      messaging_enabled: true,
      formatted_phone_number: '+33 6 39 98 04 01',
    });
  });

  it('SECURITY 13: the raw answer is sealed, absent from lists, and shown to keys with the scope raw alone', async () => {
    const { id } = await connected('+33639980402');
    const items = (await stack.api.get('/api/v1/accounts?limit=200')).body.items;
    expect(JSON.stringify(items)).not.toContain('full_api_response');
    const [row] = await stack.worker.context.db.system((em) =>
      em.execute('select raw_details, connection_config::text as config from accounts where id = ?', [id]),
    );
    expect(row?.raw_details).toMatch(/^v2\./);
    expect(row?.config).not.toContain('full_api_response');
    const [tenant] = await stack.worker.context.db.system((em) =>
      em.execute('select t.name from tenants t join accounts a on a.tenant_id = t.id where a.id = ?', [id]),
    );
    const reader = await stack.client(String(tenant?.name), ['read']);
    const seen = (await reader.get(`/api/v1/accounts/${id}`)).body;
    expect(seen.connection_config).not.toHaveProperty('full_api_response');
    expect(seen.connection_config.phone_number).toBe('+33639980402');
  });

  it('SECURITY 13: raw data is gone after its time; the details stay', async () => {
    const { id, provider_account_id: upstream } = await connected('+33639980416');
    await stack.control.post('/drop', { account_id: upstream, status: 'CONNECTING' });
    await stack.api.account(id, 'degraded');
    const [event] = (await stack.api.get(`/api/v1/webhook-events?account=${id}`)).body.items;
    expect((await stack.api.get(`/api/v1/webhook-events/${event.id}`)).body.body).toContain(upstream);
    await stack.worker.context.db.system(async (em) => {
      await em.execute(
        `update webhook_requests r set received_at = r.received_at - interval '31 days' from webhook_events e
         where e.request_id = r.id and e.account_id = ?`,
        [id],
      );
      await em.execute(
        "update webhook_events set received_at = received_at - interval '31 days' where account_id = ?",
        [id],
      );
      await em.execute("update accounts set details_at = details_at - interval '31 days' where id = ?", [id]);
    });
    await requestMaintenance(stack.worker.context);
    await eventually('the end of the raw data', async () => {
      const [body, account] = await Promise.all([stack.api.get(`/api/v1/webhook-events/${event.id}`), read(id)]);
      return body.body.body === null && (account.connection_config.full_api_response ?? null) === null;
    });
    expect((await read(id)).connection_config.phone_number).toBe('+33639980416');
    expect(await stack.api.post(`/api/v1/webhook-events/${event.id}/replay`)).toMatchObject({
      status: 409,
      body: { code: 'event_too_old' },
    });
  });

  it('are collected on request, and list changes by path', async () => {
    const { id, provider_account_id: upstream } = await connected('+33639980403');
    expect(await sync(id)).toMatchObject({ state: 'succeeded', stats: { points_changed: 0 } });
    await stack.control.put('/variants', { provider: 'unipile', name: 'whatsapp_phone', value: 'plus' });
    expect(await sync(id)).toMatchObject({ state: 'succeeded', stats: { points_changed: 0 } });
    await stack.control.put('/variants', { provider: 'unipile', name: 'whatsapp_phone', value: 'digits' });
    // The account changes elsewhere, and the webhook is lost.
    await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
    await stack.control.post('/drop', { account_id: upstream, status: 'CONNECTING' });
    expect((await sync(id)).stats.points_changed).toBeGreaterThan(0);
    await stack.control.put('/faults', { provider: 'unipile' });
    const line = await eventually('the line', async () => {
      const { items } = (await stack.api.get(`/api/v1/accounts/${id}/timeline?limit=100`)).body;
      return items.filter((one: any) => one.kind === 'details_changed')[1] ?? null;
    });
    expect(line.data.changes).toContainEqual({
      path: 'connection_config.messaging_status',
      before: 'OK',
      after: 'CONNECTING',
    });
  });

  it('give the reason when they could not be collected', async () => {
    const { id, provider_account_id: upstream } = await connected('+33639980404');
    await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
    await stack.control.post('/drop', { account_id: upstream, status: 'DELETED' });
    await stack.control.put('/faults', { provider: 'unipile' });
    expect(await sync(id)).toMatchObject({
      state: 'failed',
      reason: 'account_gone',
      what_to_do: expect.stringContaining('no longer exists'),
    });
  });

  it('are collected by one run for two concurrent requests', async () => {
    const { id } = await connected('+33639980405');
    const runs = await Promise.all([sync(id), sync(id), sync(id)]);
    expect(new Set(runs.map((run) => run.id)).size).toBeLessThan(3);
    expect(runs.map((run) => run.state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });
});

describe('A8: details without a request', () => {
  it('are collected whenever an account becomes active, also again', async () => {
    const { id, provider_account_id: upstream, details_at: first } = await connected('+33639980406');
    expect(first).not.toBeNull();
    await stack.control.post('/drop', { account_id: upstream, status: 'CREDENTIALS' });
    await stack.api.account(id, 'reconnect_required');
    await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    await stack.control.post('/scan', { account_id: upstream, phone: '+33639980406' });
    const again = await stack.api.account(id, 'active');
    expect(Date.parse(again.details_at)).toBeGreaterThan(Date.parse(first));
  });

  it('are collected for a new provider account id', async () => {
    const { id, provider_account_id: upstream } = await connected('+33639980407');
    await stack.control.post('/drop', { account_id: upstream, status: 'DELETED' });
    await stack.api.account(id, 'reconnect_required');
    await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    const fresh = (await read(id)).provider_account_id;
    expect(fresh).not.toBe(upstream);
    await stack.control.post('/scan', { account_id: fresh, phone: '+33639980407' });
    const account = await stack.api.account(id, 'active');
    expect(account.connection_config.messaging_source_id).toContain(fresh);
  });

  it('are collected where they are missing', async () => {
    const { id } = await connected('+33639980408');
    await stack.worker.context.db.system((em) =>
      em.execute('update accounts set details_at = null, connection_config = null where id = ?', [id]),
    );
    await eventually('the details', async () => (await read(id)).connection_config?.phone_number === '+33639980408');
  });
});

describe('A12: many accounts', () => {
  it('belong to one owner on one channel, and to tenants that never meet', async () => {
    const [one, two] = [await connected('+33639980409'), await connected('+33639980410')];
    const { items } = (await stack.api.get('/api/v1/accounts?owner=o&channel=whatsapp&limit=200')).body;
    expect(items.map((account: any) => account.id)).toEqual(expect.arrayContaining([one.id, two.id]));
    const other = await stack.client('somebody-else');
    expect((await other.get('/api/v1/accounts')).body.items).toEqual([]);
  });
});

it('C2: a status event moves the account, in every spelling of the provider', async () => {
  const { id, provider_account_id: upstream } = await connected('+33639980411');
  await stack.control.put('/variants', { provider: 'unipile', name: 'account_status_shape', value: 'flat' });
  await stack.control.post('/drop', { account_id: upstream, status: 'CONNECTING' });
  expect(await stack.api.account(id, 'degraded')).toMatchObject({ who: 'nobody' });
  await stack.control.post('/drop', { account_id: upstream, status: 'OK' });
  await stack.api.account(id, 'active');
  const { items } = (await stack.api.get(`/api/v1/webhook-events?account=${id}&limit=100`)).body;
  expect(items.map((event: any) => event.state)).not.toContain('failed');
  await stack.control.put('/variants', { provider: 'unipile', name: 'account_status_shape', value: 'wrapped' });
});

it('P1: connecting, solving, reconnecting and collecting are Temporal runs, one at a time for each account', async () => {
  const { id, provider_account_id: upstream } = await connected('+33639980412');
  await sync(id);
  await stack.control.post('/drop', { account_id: upstream, status: 'CREDENTIALS' });
  await stack.api.account(id, 'reconnect_required');
  await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
  const client = await temporalClient();
  try {
    const runs = await eventually('the runs in the list', async () => {
      const found = [];
      for await (const run of client.workflow.list({ query: `PatchbayAccount = '${id}'` })) found.push(run);
      const words = found.map((run) => `${run.type} ${run.status.name}`);
      const wanted = ['syncDetails COMPLETED', 'syncConversations COMPLETED', 'connection RUNNING'];
      return wanted.every((one) => words.includes(one)) ? found : null;
    });
    const ids = [`connection/${id}`, `sync/details/${id}`, `sync/conversations/${id}`];
    expect(new Set(runs.map((run) => run.workflowId))).toEqual(new Set(ids));
    expect(runs.filter((run) => run.status.name === 'RUNNING')).toHaveLength(1);
    expect(runs.map((run) => run.status.name)).not.toContain('FAILED');
  } finally {
    await client.connection.close();
  }
});

it('runs a collection that is requested while the last run is ending', async () => {
  const { id } = await connected('+33639980413');
  for (let n = 0; n < 25; n += 1) expect((await sync(id)).state).toBe('succeeded');
});

it('checks a degraded account again, and requires its owner when the trouble lasts', async () => {
  const { id, provider_account_id: upstream } = await connected('+33639980414');
  await stack.control.post('/drop', { account_id: upstream, status: 'CONNECTING' });
  await stack.api.account(id, 'degraded');
  // No webhook arrives any more.
  await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
  await stack.control.post('/clock', { advance_seconds: 31 * 60 });
  expect(await stack.api.account(id, 'reconnect_required')).toMatchObject({ who: 'owner' });
  await stack.control.put('/faults', { provider: 'unipile' });
});

it('applies the newest report, also when the same report came within the same minute', async () => {
  const { id, provider_account_id: upstream } = await connected('+33639980415');
  for (const [status, state] of [
    ['CONNECTING', 'degraded'],
    ['OK', 'active'],
    ['CONNECTING', 'degraded'],
    ['OK', 'active'],
    ['CREDENTIALS', 'reconnect_required'],
  ] as const) {
    await stack.control.post('/drop', { account_id: upstream, status });
    await stack.api.account(id, state);
  }
});

describe('C2: states follow what a check shows, not what was reported', () => {
  /** No event arrives while `work` runs. */
  const unreported = async (work: () => Promise<unknown>): Promise<void> => {
    await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
    await work();
    await stack.control.put('/faults', { provider: 'unipile' });
  };
  const drop = (upstream: string, status: string): Promise<unknown> =>
    stack.control.post('/drop', { account_id: upstream, status });
  const advance = (seconds: number): Promise<unknown> => stack.control.post('/clock', { advance_seconds: seconds });

  it('an account whose login was lost heals by itself', async () => {
    const { id, provider_account_id: upstream } = await connected('+33639980420');
    await drop(upstream, 'CREDENTIALS');
    await stack.api.account(id, 'reconnect_required');
    await unreported(() => drop(upstream, 'OK'));
    await advance(6 * 60);
    await stack.api.account(id, 'active');
  });

  it('an active account whose death was not reported is noticed within a day', async () => {
    const { id, provider_account_id: upstream } = await connected('+33639980421');
    await unreported(() => drop(upstream, 'DELETED'));
    await advance(25 * 3_600);
    expect(await stack.api.account(id, 'reconnect_required')).toMatchObject({ reason: 'account_gone', who: 'owner' });
  });

  it('a details sync that finds the account gone, or its login lost, moves it', async () => {
    const { id, provider_account_id: upstream } = await connected('+33639980422');
    await unreported(() => drop(upstream, 'CREDENTIALS'));
    await sync(id);
    expect(await read(id)).toMatchObject({ state: 'reconnect_required', reason: 'login_lost' });
    await unreported(() => drop(upstream, 'DELETED'));
    expect(await sync(id)).toMatchObject({ state: 'failed', reason: 'account_gone' });
    expect(await read(id)).toMatchObject({ state: 'reconnect_required', reason: 'account_gone', who: 'owner' });
  });
});

describe('a mail account', () => {
  const calendar = (value: string | null): Promise<unknown> =>
    stack.control.put('/variants', { provider: 'unipile', name: 'calendar_status', value });
  const mail = async (host: string): Promise<any> => {
    const user = `plain@${host}`;
    const imap = { imap_host: `imap.${host}`, imap_port: 993, imap_user: user, imap_password: 'correct horse' };
    const smtp = { smtp_host: `smtp.${host}`, smtp_port: 465, smtp_user: user, smtp_password: 'correct horse' };
    const credentials = { ...imap, ...smtp };
    const body = { provider: 'unipile', channel: 'mail', owner: 'o', credentials };
    return stack.api.account((await stack.api.post('/api/v1/accounts', body)).body.account.id, 'active');
  };
  afterEach(() => calendar(null));

  it('A7: whose calendar lacks a permission is active, and shows what is missing', async () => {
    await calendar('PERMISSIONS');
    const found = await mail('calendar.example');
    expect(found).toMatchObject({
      reason: null,
      provider_config: { features: { send: true, receive: true } },
      limitations: [
        {
          source: expect.stringMatching(/_CALENDAR$/),
          status: 'PERMISSIONS',
          what_to_do: expect.stringContaining('force'),
        },
      ],
    });
    await calendar(null);
    await sync(found.id);
    expect((await read(found.id)).limitations).toEqual([]);
  });

  it('A13: has its details refreshed within a day without a request, and at once by a status event', async () => {
    const { id, provider_account_id: upstream } = await mail('fresh.example');
    const limitations = (count: number): Promise<unknown> =>
      eventually('the details', async () => (await read(id)).limitations.length === count);
    await calendar('PERMISSIONS');
    await stack.control.post('/clock', { advance_seconds: 25 * 3_600 });
    await limitations(1);
    await calendar(null);
    for (const status of ['CONNECTING', 'OK']) await stack.control.post('/drop', { account_id: upstream, status });
    await limitations(0);
    expect((await read(id)).state).toBe('active');
  });
});
