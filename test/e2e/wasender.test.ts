import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
beforeEach(() => stack.control.post('/reset'));
afterAll(() => stack?.stop());

const whatsapp = { provider: 'wasender', channel: 'whatsapp', owner: 'maya' };
let numbers = 0;
const newNumber = (): string => `+336399810${String((numbers += 1)).padStart(2, '0')}`;

async function begin(credentials: object = { phone_number: newNumber() }): Promise<{ id: string; attempt: any }> {
  const { status, body } = await stack.api.post('/api/v1/accounts', { ...whatsapp, credentials });
  expect(status).toBe(202);
  return { id: body.account.id, attempt: body.attempt };
}

const account = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}`)).body;
const upstream = async (id: string): Promise<string> => (await account(id)).provider_account_id;

/** Asks WASender's API as another program with the same token does. */
async function wasender(method: string, path: string, body?: object): Promise<{ status: number; body: any }> {
  const headers = { authorization: 'Bearer 1|sandbox-pat', ...(body && { 'content-type': 'application/json' }) };
  const sent = body && { body: JSON.stringify(body) };
  const answer = await fetch(stack.config.providers['wasender']?.['base_url'] + path, { method, headers, ...sent });
  return { status: answer.status, body: await answer.json() };
}

async function connected(number = newNumber()): Promise<string> {
  const { id } = await begin({ phone_number: number });
  await stack.control.post('/scan', { session: await upstream(id) });
  await stack.api.account(id, 'active');
  return id;
}

describe('A1: WhatsApp by QR, at WASender', () => {
  it('answers the QR text and its expiry, and becomes active by itself once scanned', async () => {
    const { id, attempt } = await begin({ phone_number: '+33639980101' });
    expect(attempt).toMatchObject({ operation: 'connect', state: 'running', step: { kind: 'qr' } });
    expect(attempt.step.text).toMatch(/^2@/);
    expect(Date.parse(attempt.step.expires_at) - Date.parse(attempt.started_at)).toBeLessThan(60_000);
    await stack.control.post('/scan', { session: await upstream(id) });
    const found = await stack.api.account(id, 'active');
    expect(found).toMatchObject({ identity: '+33639980101', provider_account_id: expect.stringMatching(/^\d+$/) });
    expect(found.connection_config).toMatchObject({
      phone_number: '+33639980101',
      messaging_status: 'CONNECTED',
      api_object_type: 'whatsapp_session',
    });
    expect(found.provider_config).toMatchObject({
      messaging_enabled: true,
      formatted_phone_number: '+33 6 39 98 01 01',
      notification_preferences: { messages: true, receipts: true, account_status: true },
    });
    expect((await stack.api.step(id, 'done')).state).toBe('succeeded');
  });

  it('replaces a lapsed QR by a new one of the same session, and takes a scan of it', async () => {
    const { id, attempt } = await begin();
    const session = await upstream(id);
    await stack.control.post('/clock', { advance_seconds: 50 });
    const next = await stack.api.get(`/api/v1/accounts/${id}/attempt?after=${attempt.step.id}&wait=20`);
    expect(next.body.step.kind).toBe('qr');
    expect(next.body.step.id).not.toBe(attempt.step.id);
    expect(next.body.step.text).not.toBe(attempt.step.text);
    expect(await upstream(id)).toBe(session);
    await stack.control.post('/scan', { session });
    await stack.api.account(id, 'active');
  });

  it('shows the QR code that a session has only a while after it was asked to connect, without any event of it', async () => {
    await stack.control.put('/variants', { provider: 'wasender', name: 'qr_delay_seconds', value: 3 });
    await stack.control.put('/faults', { provider: 'wasender', webhook_drop: 1 });
    const { id, attempt } = await begin();
    expect(attempt.step).toMatchObject({ kind: 'wait', for: 'WASender to prepare the QR code' });
    const { body } = await stack.api.get(`/api/v1/accounts/${id}/attempt?after=${attempt.step.id}&wait=30`);
    expect(body.step).toMatchObject({ kind: 'qr', text: expect.stringMatching(/^2@/) });
    await stack.control.put('/faults', { provider: 'wasender' });
    await stack.control.post('/scan', { session: await upstream(id) });
    await stack.api.account(id, 'active');
  });

  it('ends with a named failure when nobody scans in time, and deletes the session', async () => {
    const { id } = await begin();
    await stack.control.post('/clock', { advance_seconds: 11 * 60 });
    expect(await stack.api.step(id, 'failed')).toMatchObject({ step: { reason: 'deadline_passed', who: 'owner' } });
    await eventually('no session', async () => (await sessions()).length === 0);
  });

  it('notices a scan by looking where its webhook was lost', async () => {
    const { id } = await begin();
    await stack.control.put('/faults', { provider: 'wasender', webhook_drop: 1 });
    await stack.control.post('/scan', { session: await upstream(id) });
    await stack.control.post('/clock', { advance_seconds: 50 });
    await stack.api.account(id, 'active');
    await stack.control.put('/faults', { provider: 'wasender' });
  });
});

const sessions = async (): Promise<any[]> => (await wasender('GET', '/whatsapp-sessions')).body.data;

describe('the number to connect', () => {
  it('is asked for first where it was not given, before anything exists at WASender', async () => {
    const { id, attempt } = await begin({});
    expect(attempt.step.kind).toBe('phone');
    expect(await sessions()).toEqual([]);
    expect(await upstream(id)).toBeNull();
    const path = `/api/v1/accounts/${id}/attempt/steps/${attempt.step.id}`;
    for (const wrong of ['none of your business', '06 39 98 01 31'])
      expect((await stack.api.post(path, { answer: wrong })).status).toBe(422);
    const { status, body } = await stack.api.post(path, { answer: '+33 6 39 98 01 31' });
    expect(status).toBeLessThan(300);
    expect(body.step.kind).toBe('qr');
    await stack.control.post('/scan', { session: await upstream(id) });
    expect((await stack.api.account(id, 'active')).identity).toBe('+33639980131');
  });

  it('is taken once, though the answer to it was lost', async () => {
    const { id, attempt } = await begin({});
    const fault = { provider: 'wasender', route: 'POST /api/whatsapp-sessions', after_effect: 1, times: 1 };
    await stack.control.put('/faults', fault);
    await stack.api.post(`/api/v1/accounts/${id}/attempt/steps/${attempt.step.id}`, { answer: '+33639980132' });
    await stack.api.step(id, 'qr');
    expect(await sessions()).toHaveLength(1);
    await stack.timeline(id, 'adopted');
    await stack.control.post('/scan', { session: await upstream(id) });
    await stack.api.account(id, 'active');
  });

  it.each([
    [{ phone_number: 'none' }, 'phone_number'],
    [{ phone_number: '+33639980100', password: 'x' }, 'password'],
  ])('and its options are checked before anybody is asked: %j', async (credentials, name) => {
    const { status, body } = await stack.api.post('/api/v1/accounts', { ...whatsapp, credentials });
    expect([status, body.code]).toEqual([422, 'invalid_credentials_shape']);
    expect(body.detail).toContain(name);
  });
});

it('makes one session of a connect whose answer was lost', async () => {
  const fault = { provider: 'wasender', route: 'POST /api/whatsapp-sessions', after_effect: 1, times: 1 };
  await stack.control.put('/faults', fault);
  const { id } = await begin();
  await stack.api.step(id, 'qr');
  expect(await sessions()).toHaveLength(1);
  await stack.control.post('/scan', { session: await upstream(id) });
  await stack.api.account(id, 'active');
});

it('names a plan that does not include connecting, and leaves no session behind', async () => {
  await stack.control.put('/variants', { provider: 'wasender', name: 'subscription', value: 'none' });
  const { id } = await begin();
  expect((await stack.api.step(id, 'failed')).step).toMatchObject({ reason: 'plan_required', who: 'operator' });
  expect(await sessions()).toEqual([]);
});

it('A12: merges two connections of one number into one account, and deletes the older session', async () => {
  const number = newNumber();
  const first = await connected(number);
  const old = await upstream(first);
  const second = await begin({ phone_number: number });
  const session = await upstream(second.id);
  await stack.control.post('/scan', { session });
  await stack.api.step(second.id, 'done');
  expect((await account(second.id)).merged_into).toBe(first);
  expect(await upstream(first)).toBe(session);
  await stack.control.post('/clock', { advance_seconds: 10 * 60 });
  await eventually('one session', async () => (await sessions()).every(({ id }) => String(id) !== old));
  // The survivor is found by the secret of the session that it took over.
  await stack.control.post('/drop', { session, status: 'logged_out' });
  await stack.api.account(first, 'reconnect_required');
});

describe('A5: reconnect', () => {
  it.each(['logged_out', 'expired', 'need_scan'])(
    '%s moves the account, which comes back as it was',
    async (status) => {
      const id = await connected();
      const session = await upstream(id);
      await stack.control.post('/drop', { session, status });
      expect(await stack.api.account(id, 'reconnect_required')).toMatchObject({ reason: 'login_lost', who: 'owner' });
      const { body } = await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
      expect(body.attempt).toMatchObject({ operation: 'reconnect', step: { kind: 'qr' } });
      await stack.control.post('/scan', { session });
      await stack.api.account(id, 'active');
      expect(await upstream(id)).toBe(session);
    },
  );

  it('of a session that is gone makes a new one for the same number, without asking for it', async () => {
    const id = await connected('+33639980141');
    const session = await upstream(id);
    await stack.control.post('/drop', { session, status: 'deleted' });
    // WASender does not report it: the account still counts as one that works.
    const { body } = await stack.api.post(`/api/v1/accounts/${id}/reconnect`, { force: true });
    expect(body.attempt.step.kind).toBe('qr');
    const fresh = await upstream(id);
    expect(fresh).not.toBe(session);
    await stack.control.post('/scan', { session: fresh });
    expect((await stack.api.account(id, 'active')).identity).toBe('+33639980141');
  });

  it('by another phone is refused, and the right one can still come back', async () => {
    const id = await connected('+33639980142');
    const session = await upstream(id);
    await stack.control.post('/drop', { session, status: 'logged_out' });
    await stack.api.account(id, 'reconnect_required');
    await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    await stack.control.post('/scan', { session, phone: '+33639980143' });
    expect((await stack.api.step(id, 'failed')).step.reason).toBe('another_identity');
    const { body } = await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    expect(body.attempt.step.kind).toBe('qr');
    await stack.control.post('/scan', { session, phone: '+33639980142' });
    expect((await stack.api.account(id, 'active')).identity).toBe('+33639980142');
  });

  it('is not needed for trouble that passes, nor mistaken by whom the session was made for', async () => {
    const { id } = await begin();
    const session = await upstream(id);
    await stack.control.post('/scan', { session, phone: '+33639980144' });
    expect((await stack.api.account(id, 'active')).identity).toBe('+33639980144');
    await stack.control.post('/drop', { session, status: 'connecting' });
    await stack.api.account(id, 'degraded');
    await stack.control.post('/drop', { session, status: 'connected' });
    await stack.api.account(id, 'active');
    await stack.control.post('/drop', { session, status: 'logged_out' });
    expect((await stack.api.account(id, 'reconnect_required')).reason).toBe('login_lost');
  });
});

describe('A6: disconnect', () => {
  it('deletes the session and destroys its keys, keeps the history, and the number can come back', async () => {
    const id = await connected('+33639980151');
    expect((await stack.api.delete(`/api/v1/accounts/${id}`)).status).toBe(202);
    const found = await stack.api.account(id, 'disconnected');
    expect(found.provider_account_id).toBeNull();
    expect(await sessions()).toEqual([]);
    expect(await kept(id)).toEqual({ secret: null, provider_keys: null, webhook_secret_hash: null });
    const { body } = await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    expect(body.attempt.step.kind).toBe('qr');
    await stack.control.post('/scan', { session: await upstream(id) });
    await stack.api.account(id, 'active');
  });
});

/** What the database keeps of an account's secrets. */
const kept = (id: string): Promise<any> =>
  stack.worker.context.db.system(async (em) => {
    const [row] = await em.execute('select secret, provider_keys, webhook_secret_hash from accounts where id = ?', [
      id,
    ]);
    return row;
  });

describe('C2: whose an event is', () => {
  const secretOf = async (id: string): Promise<any> =>
    (await wasender('GET', `/whatsapp-sessions/${await upstream(id)}`)).body.data;
  const deliver = async (url: string, body: object, signature: string): Promise<number> => {
    const headers = { 'content-type': 'application/json', 'x-webhook-signature': signature };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    await answer.body?.cancel();
    return answer.status;
  };
  const status = (sessionId: unknown) => ({ event: 'session.status', sessionId, data: { status: 'logged_out' } });
  const eventsOf = async (id: string): Promise<any[]> =>
    (await stack.api.get(`/api/v1/webhook-events?account=${id}&limit=200`)).body.items;

  it('is told by the secret that it came with: one session cannot speak of another', async () => {
    const [mine, other] = [await connected(), await connected()];
    const [here, there] = [await secretOf(mine), await secretOf(other)];
    const before = (await eventsOf(other)).length;
    expect(here.webhook_url).toBe(there.webhook_url);
    expect(await deliver(here.webhook_url, status(there.api_key), here.webhook_secret)).toBe(200);
    expect(await deliver(here.webhook_url, status(there.id), here.webhook_secret)).toBe(200);
    expect(await deliver(here.webhook_url, status(there.api_key), 'f'.repeat(32))).toBe(401);
    expect(await deliver(here.webhook_url, status(there.api_key), there.api_key)).toBe(401);
    expect(await eventsOf(other)).toHaveLength(before);
    expect((await eventsOf(mine)).filter((one) => one.type === 'session.status.logged_out')).toHaveLength(2);
    // The word was forged: WASender, asked, says that both still work.
    for (const id of [mine, other]) expect((await account(id)).state).toBe('active');
  });

  it('is two when two sessions say the same', async () => {
    const [one, two] = [await connected(), await connected()];
    const body = { event: 'contacts.update', data: [{ id: '33639980002@s.whatsapp.net' }] };
    for (const id of [one, two, two]) {
      const { webhook_url: url, webhook_secret: secret } = await secretOf(id);
      expect(await deliver(url, body, secret)).toBe(200);
    }
    for (const id of [one, two])
      expect((await eventsOf(id)).filter((event) => event.type === 'contacts.update')).toHaveLength(1);
  });

  it('is nobody’s after a disconnect', async () => {
    const id = await connected();
    const { webhook_url: url, webhook_secret: secret } = await secretOf(id);
    await stack.api.delete(`/api/v1/accounts/${id}`);
    await stack.api.account(id, 'disconnected');
    expect(await deliver(url, status(null), secret)).toBe(401);
  });
});

describe('F1: numbers that already live at WASender', () => {
  it('are taken over, and tell us from then on what happens to them', async () => {
    const theirs = await connected();
    const session = await upstream(theirs);
    // What one tenant's account is, another's import does not get.
    const bring = (body: object) => stack.api.post('/api/v1/accounts/import', { provider: 'wasender', ...body });
    expect((await bring({ owner: 'maya' })).body.items).toMatchObject([{ outcome: 'already_connected' }]);
    const { id } = (
      await wasender('POST', '/whatsapp-sessions', {
        name: 'Shop',
        phone_number: '+33639980171',
        account_protection: true,
        log_messages: false,
      })
    ).body.data;
    await wasender('POST', `/whatsapp-sessions/${id}/connect`, {});
    await stack.control.post('/scan', { session: id });
    const { items } = (await bring({ owner: 'maya', provider_account_ids: [String(id)] })).body;
    expect(items).toMatchObject([{ provider_account_id: String(id), outcome: 'imported' }]);
    const found = await stack.api.account(items[0].account_id, 'active');
    expect(found.provider_config.rate_limits).toEqual({
      per_minute: null,
      per_hour: 720,
      per_day: null,
      spacing_seconds: 5,
      burst: 1,
      calls_per_minute: null,
      logins_per_hour: 30,
      logins_per_day: 100,
      restarts_per_hour: 6,
      restarts_per_day: 24,
    });
    await stack.control.post('/drop', { session: id, status: 'logged_out' });
    await stack.api.account(items[0].account_id, 'reconnect_required');
    expect(await upstream(theirs)).toBe(session);
  });
});

describe('settings', () => {
  it('503 provider_not_configured where nobody has set a token', async () => {
    const bare = await startTestStack({ WASENDER_API_TOKEN: '' });
    try {
      const { status, body, headers } = await bare.api.post('/api/v1/accounts', whatsapp);
      expect([status, body.code]).toEqual([503, 'provider_not_configured']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await bare.api.get('/api/v1/providers/wasender')).body.configured).toBe(false);
    } finally {
      await bare.stop();
    }
  });

  it('of a tenant may be one session’s key: that number connects by itself', async () => {
    const { data } = (
      await wasender('POST', '/whatsapp-sessions', {
        name: 'Shop',
        phone_number: '+33639980181',
        account_protection: false,
        log_messages: true,
      })
    ).body;
    await wasender('POST', `/whatsapp-sessions/${data.id}/connect`, {});
    await stack.control.post('/scan', { session: data.id });
    const other = await stack.client('with-a-key');
    const settings = { api_token: data.api_key, base_url: stack.config.providers['wasender']?.['base_url'] };
    expect((await other.put('/api/v1/providers/wasender', { ...settings, api_token: 'x' })).status).toBe(422);
    expect((await other.put('/api/v1/providers/wasender', settings)).status).toBe(200);
    const { body } = await other.post('/api/v1/accounts', whatsapp);
    const found = await other.account(body.account.id, 'active');
    expect(found.identity).toBe('+33639980181');
    expect(JSON.stringify(found)).not.toContain(data.api_key);
    await other.delete(`/api/v1/accounts/${body.account.id}`);
    await other.account(body.account.id, 'disconnected');
    expect((await wasender('GET', `/whatsapp-sessions/${data.id}`)).body.data.status).toBe('connected');
  });
});

it('A12: a number that is connected twice is one account, with one session at WASender', async () => {
  const number = newNumber();
  await connected(number);
  const { id } = await begin({ phone_number: number });
  await stack.control.post('/scan', { session: await upstream(id) });
  await eventually('one session', async () => (await sessions()).length === 1);
  const { merged_into: winner } = await account(id);
  expect((await sessions())[0].id).toBe(Number(await upstream(winner)));
});
