import { request } from 'node:http';
import { eventually } from '../support/eventually.ts';
import { form, startTestSandbox, walk, type Answer, type TestSandbox } from './test-sandbox.ts';

describe('the sandbox under control', () => {
  let sandbox: TestSandbox;

  beforeEach(async () => {
    sandbox = await startTestSandbox();
  });
  afterEach(() => sandbox.close());

  const faults = (rule: object): Promise<Answer> => sandbox.control('PUT', '/faults', { provider: 'unipile', ...rule });

  it('refuses calls without its key, and names the key as the cause', async () => {
    expect(await sandbox.unipile('GET', '/accounts', undefined, { 'x-api-key': 'wrong' })).toMatchObject({
      status: 401,
      body: { type: 'errors/invalid_api_key', title: 'Invalid API key', status: 401 },
    });
  });

  it('fails the next n calls of one route', async () => {
    await faults({ rate_500: 1, times: 2, route: 'GET /api/v1/accounts/:id' });
    const id = await sandbox.whatsapp();
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await sandbox.unipile('GET', `/accounts/${id}`)).status);
    expect(statuses).toEqual([500, 500, 200]);
  });

  it('answers 429 at the configured rate, in the same way for the same seed', async () => {
    const draw = async (): Promise<number[]> => {
      await faults({ rate_429: 0.5, seed: 7 });
      const statuses = [];
      for (let n = 0; n < 20; n++) statuses.push((await sandbox.unipile('GET', '/accounts')).status);
      return statuses;
    };
    const first = await draw();
    expect(new Set(first)).toEqual(new Set([200, 429]));
    expect(await draw()).toEqual(first);
    await faults({});
    expect((await sandbox.unipile('GET', '/accounts')).status).toBe(200);
  });

  it('can send a message and then answer 500', async () => {
    await sandbox.whatsapp();
    const [chat] = (await walk(sandbox, '/chats')).items;
    await faults({ after_effect: 1, times: 1 });
    expect((await sandbox.unipile('POST', `/chats/${chat.id}/messages`, form({ text: 'sent after all' }))).status).toBe(
      500,
    );
    const [latest] = (await walk(sandbox, `/chats/${chat.id}/messages`)).items;
    expect(latest.text).toBe('sent after all');
  });

  it.each([
    ['before any effect', { timeout: 1 }, 0],
    ['after the effect', { timeout: 1, after_effect: 1 }, 1],
  ])('can hang %s', async (_when, rule, accounts) => {
    await faults({ ...rule, times: 1 });
    const gone = new AbortController();
    const hanging = fetch(`${sandbox.unipileUrl}/api/v1/accounts`, {
      method: 'POST',
      headers: { 'x-api-key': 'sandbox-key', 'content-type': 'application/json' },
      body: JSON.stringify({ provider: 'WHATSAPP' }),
      signal: gone.signal,
    });
    const aborted = expect(hanging).rejects.toThrow('aborted');
    const list = async (): Promise<unknown[]> => (await sandbox.unipile('GET', '/accounts')).body.items;
    // Given up by time alone, the call might not have arrived. Until it has, another call would meet the fault.
    await eventually('the call to arrive', async () =>
      (await sandbox.control('GET', '/calls')).body.some(({ method }: { method: string }) => method === 'POST'),
    );
    await eventually('its effect', async () => (await list()).length === accounts);
    gone.abort();
    await aborted;
    expect(await list()).toHaveLength(accounts);
  });

  it('answers late, after the effect, at the configured rate', async () => {
    await sandbox.whatsapp();
    const [chat] = (await walk(sandbox, '/chats')).items;
    const send = (text: string): Promise<Answer> =>
      sandbox.unipile('POST', `/chats/${chat.id}/messages`, form({ text }));
    await faults({ delay: 1, delay_seconds: 60, times: 1 });
    const late = send('late').catch(() => null);
    await eventually('the effect', async () => {
      return (await walk(sandbox, `/chats/${chat.id}/messages`)).items[0].text === 'late';
    });
    expect(await Promise.race([late, send('at once').then(({ status }) => status)])).toBe(201);
    await faults({ delay: 1, delay_seconds: 0.01, times: 1 });
    expect((await send('soon')).status).toBe(201);
  });

  it('limits calls per minute of its own clock', async () => {
    await sandbox.control('PUT', '/variants', { provider: 'unipile', name: 'rate_limit_per_minute', value: 2 });
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await sandbox.unipile('GET', '/accounts')).status);
    await sandbox.control('POST', '/clock', { advance_seconds: 60 });
    statuses.push((await sandbox.unipile('GET', '/accounts')).status);
    expect(statuses).toEqual([200, 200, 429, 200]);
  });

  it('counts calls by route', async () => {
    const id = await sandbox.whatsapp();
    await sandbox.control('DELETE', '/calls');
    await sandbox.unipile('GET', `/accounts/${id}`);
    await sandbox.unipile('GET', '/accounts/unknown');
    expect((await sandbox.control('GET', '/calls')).body).toEqual([
      { provider: 'unipile', method: 'GET', route: '/api/v1/accounts/:id', count: 2 },
    ]);
  });

  it('moves its clock ahead', async () => {
    await sandbox.control('POST', '/clock', { advance_seconds: 3600 });
    const { now, offset_seconds } = (await sandbox.control('GET', '/clock')).body;
    expect(offset_seconds).toBe(3600);
    expect(Date.parse(now) - Date.now()).toBeGreaterThan(3_500_000);
    const account = (await sandbox.unipile('GET', `/accounts/${await sandbox.whatsapp()}`)).body;
    expect(Date.parse(account.created_at) - Date.now()).toBeGreaterThan(3_500_000);
  });

  it('moves its clock back, and what is planned for later stays planned', async () => {
    await sandbox.control('PUT', '/variants', { provider: 'unipile', name: 'auto_scan_seconds', value: 50 });
    await sandbox.control('POST', '/clock', { advance_seconds: 100 });
    const { account_id } = (await sandbox.unipile('POST', '/accounts', { provider: 'WHATSAPP' })).body;
    expect((await sandbox.control('POST', '/clock', { advance_seconds: -100 })).body.offset_seconds).toBe(0);
    const status = async () => (await sandbox.unipile('GET', `/accounts/${account_id}`)).body.sources[0].status;
    await sandbox.control('POST', '/clock', { advance_seconds: 140 });
    expect(await status()).toBe('CONNECTING');
    await sandbox.control('POST', '/clock', { advance_seconds: 20 });
    expect(await status()).toBe('OK');
  });

  it('clears everything on reset', async () => {
    await sandbox.whatsapp();
    await faults({ rate_500: 1, route: 'GET /api/v1/users/me' });
    await sandbox.control('PUT', '/variants', { provider: 'unipile', name: 'qr_seconds', value: 5 });
    await sandbox.control('POST', '/clock', { advance_seconds: 100 });
    await sandbox.control('POST', '/reset');
    expect((await sandbox.unipile('GET', '/accounts')).body.items).toEqual([]);
    expect((await sandbox.control('GET', '/faults')).body).toEqual([]);
    expect((await sandbox.control('GET', '/variants')).body.unipile.qr_seconds).toBe(60);
    expect((await sandbox.control('GET', '/clock')).body.offset_seconds).toBe(0);
  });

  it.each([
    ['POST', '/scan', { account_id: 'nobody' }, 404, /no account "nobody"/],
    ['POST', '/scan', {}, 400, /account_id or session/],
    ['PUT', '/faults', { provider: 'unipile', rate_500: 2 }, 400, /rate_500/],
    ['PUT', '/faults', { provider: 'nobody', rate_500: 1 }, 400, /known: unipile/],
    ['PUT', '/variants', { provider: 'unipile', name: 'nope', value: 1 }, 400, /known: auto_scan_seconds/],
    ['PUT', '/variants', { provider: 'unipile', name: 'resend_answer', value: 'x' }, 400, /resend.*checkpoint/],
    ['POST', '/clock', { advance_seconds: 'soon' }, 400, /advance_seconds/],
    ['GET', '/nothing', undefined, 404, /README/],
  ])('describes the error of %s %s %j', async (method, path, body, status, error) => {
    const answer = await sandbox.control(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatch(error);
  });

  it('names the fields and values that an action takes', async () => {
    const account_id = await sandbox.whatsapp();
    const answer = await sandbox.control('POST', '/drop', { account_id, status: 'GONE' });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(/CREDENTIALS/);
  });

  it.each([{ host: 'evil.example' }, { host: '127.0.0.1', origin: 'https://evil.example' }])(
    'refuses control to a web page: %j',
    async (headers) => {
      const { port } = new URL(sandbox.controlUrl);
      const status = await new Promise<number>((resolve, reject) => {
        request({ port, host: '127.0.0.1', path: '/calls', headers }, (res) => {
          res.resume();
          resolve(res.statusCode ?? 0);
        })
          .on('error', reject)
          .end();
      });
      expect(status).toBe(403);
    },
  );

  it('shares nothing with another sandbox in the process', async () => {
    const other = await startTestSandbox();
    await sandbox.whatsapp();
    await sandbox.control('PUT', '/faults', { provider: 'unipile', rate_500: 1 });
    const answer = await other.unipile('GET', '/accounts');
    await other.close();
    expect(answer).toMatchObject({ status: 200, body: { items: [] } });
  });
});
