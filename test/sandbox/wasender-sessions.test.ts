import { startWasenderSandbox, type TestSession, type WasenderSandbox } from './wasender-sandbox.ts';

describe('sessions of the WASender sandbox', () => {
  let sandbox: WasenderSandbox;

  beforeEach(async () => {
    sandbox = await startWasenderSandbox();
  });
  afterEach(() => sandbox.close());

  const path = ({ id }: TestSession, rest = ''): string => `/whatsapp-sessions/${id}${rest}`;
  const status = async ({ key }: TestSession): Promise<string> =>
    (await sandbox.wasender('GET', '/status', undefined, key)).body.status;

  it('has an address that ends in /api', () => {
    expect(sandbox.wasenderUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api$/);
  });

  it('keeps the two kinds of key apart', async () => {
    const { key } = await sandbox.linked();
    const resultOf = async (method: string, route: string, token: string): Promise<unknown> => {
      const { status: code, body } = await sandbox.wasender(method, route, undefined, token);
      return [code, body.success, body.message];
    };
    expect(await resultOf('GET', '/whatsapp-sessions', '1|sandbox-pat')).toEqual([200, true, undefined]);
    expect(await resultOf('GET', '/contacts', key)).toEqual([200, true, undefined]);
    expect(await resultOf('GET', '/whatsapp-sessions', key)).toEqual([401, false, 'Unnotarized']);
    expect(await resultOf('GET', '/contacts', '1|sandbox-pat')).toEqual([401, false, 'Invalid API key']);
    const none = await fetch(`${sandbox.wasenderUrl}/status`);
    expect([none.status, await none.json()]).toEqual([401, { success: false, message: 'API key is required' }]);
  });

  it('shows key and secret with one session, not in the list', async () => {
    const session = await sandbox.created();
    const [listed] = (await sandbox.wasender('GET', '/whatsapp-sessions')).body.data;
    const shown = (await sandbox.wasender('GET', path(session))).body.data;
    expect(shown).toMatchObject({ api_key: session.key, webhook_secret: session.secret, status: 'disconnected' });
    expect(session.key).toMatch(/^[0-9a-f]{64}$/);
    expect(session.secret).toMatch(/^[0-9a-f]{32}$/);
    expect(listed).toEqual({ ...shown, api_key: undefined, webhook_secret: undefined });
  });

  it('describes errors of a new session by field', async () => {
    const { status: code, body } = await sandbox.wasender('POST', '/whatsapp-sessions', { name: 'Shop' });
    expect(code).toBe(422);
    expect(body).toMatchObject({ success: false, message: expect.any(String) });
    expect(Object.keys(body.errors).toSorted()).toEqual(['account_protection', 'log_messages', 'phone_number']);
  });

  it('is linked by a scan', async () => {
    const session = await sandbox.created();
    const { data } = (await sandbox.wasender('POST', path(session, '/connect'))).body;
    expect(data).toEqual({ status: 'NEED_SCAN', qrCode: expect.stringMatching(/^2@/) });
    expect(await status(session)).toBe('need_scan');
    await sandbox.control('POST', '/scan', { session: session.id });
    expect(await status(session)).toBe('connected');
    const { data: user } = (await sandbox.wasender('GET', '/user', undefined, session.key)).body;
    expect(user).toMatchObject({ id: '33639980001:1@s.whatsapp.net', lid: expect.stringMatching(/@lid$/) });
    expect((await sandbox.wasender('POST', path(session, '/connect'))).body.data.status).toBe('CONNECTED');
  });

  it('gives the same QR code until it lapses, and then another', async () => {
    const session = await sandbox.created();
    const qr = async (): Promise<string> => (await sandbox.wasender('GET', path(session, '/qrcode'))).body.data.qrCode;
    expect(await sandbox.wasender('GET', path(session, '/qrcode'))).toMatchObject({
      status: 422,
      body: { success: false, error: expect.stringContaining('Connect') },
    });
    const first = (await sandbox.wasender('POST', path(session, '/connect'))).body.data.qrCode;
    expect(await qr()).toBe(first);
    await sandbox.control('POST', '/clock', { advance_seconds: 45 });
    expect((await sandbox.control('POST', '/scan', { session: session.id })).status).toBe(409);
    expect(await qr()).not.toBe(first);
    expect((await sandbox.control('POST', '/scan', { session: String(session.id) })).body.status).toBe('connected');
  });

  it('is scanned or expires by itself, by variant', async () => {
    const session = await sandbox.created();
    await sandbox.variant('auto_scan_seconds', 20);
    await sandbox.wasender('POST', path(session, '/connect'));
    await sandbox.control('POST', '/clock', { advance_seconds: 20 });
    expect(await status(session)).toBe('connected');

    const other = await sandbox.created();
    await sandbox.variant('auto_scan_seconds', null);
    await sandbox.variant('link_seconds', 60);
    await sandbox.wasender('POST', path(other, '/connect'));
    await sandbox.control('POST', '/clock', { advance_seconds: 60 });
    expect(await status(other)).toBe('expired');
  });

  it('is linked by a passkey', async () => {
    const session = await sandbox.created();
    const { data } = (await sandbox.wasender('POST', path(session, '/connect'), { linkMethod: 'passkey' })).body;
    expect(data).toEqual({
      status: 'NEED_PASSKEY',
      passkey: { token: expect.any(String), expires_at: expect.any(String) },
    });
    expect((await sandbox.control('POST', '/scan', { session: session.id })).status).toBe(409);
    await sandbox.control('POST', '/approve', { session: session.id });
    expect(await status(session)).toBe('connected');
  });

  it('needs a scan again after it was unlinked, from either side', async () => {
    const session = await sandbox.linked();
    expect((await sandbox.wasender('POST', path(session, '/disconnect'))).body.data.status).toBe('disconnected');
    expect(await status(session)).toBe('logged_out');
    expect(await sandbox.wasender('GET', '/contacts', undefined, session.key)).toMatchObject({
      status: 422,
      body: { success: false, error: expect.stringContaining('not connected') },
    });
    await sandbox.wasender('POST', path(session, '/connect'));
    await sandbox.control('POST', '/scan', { session: session.id });
    await sandbox.control('POST', '/drop', { account_id: String(session.id), status: 'logged_out' });
    expect((await sandbox.wasender('POST', path(session, '/connect'))).body.data.status).toBe('NEED_SCAN');
  });

  it('restarts without a scan, only when connected', async () => {
    const session = await sandbox.linked();
    expect((await sandbox.wasender('POST', path(session, '/restart'))).body).toEqual({
      success: true,
      message: expect.any(String),
    });
    expect(await status(session)).toBe('connected');
    const other = await sandbox.created();
    expect((await sandbox.wasender('POST', path(other, '/restart'))).body).toEqual({
      success: false,
      error: expect.any(String),
    });
  });

  it('changes only the fields of an update', async () => {
    const session = await sandbox.created({ webhook_url: 'https://hook.test/', webhook_events: ['session.status'] });
    await sandbox.wasender('PUT', path(session), { name: 'Other' });
    expect((await sandbox.wasender('GET', path(session))).body.data).toMatchObject({
      name: 'Other',
      phone_number: '+33639980001',
      webhook_url: 'https://hook.test/',
      webhook_events: ['session.status'],
    });
  });

  it('invalidates a key by a new one, and with its session', async () => {
    const session = await sandbox.linked();
    const { body } = await sandbox.wasender('POST', path(session, '/regenerate-key'));
    expect(body).toEqual({ success: true, api_key: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect((await sandbox.wasender('GET', '/status', undefined, session.key)).status).toBe(401);
    expect(await status({ ...session, key: body.api_key })).toBe('connected');
    expect(await sandbox.wasender('DELETE', path(session))).toMatchObject({ status: 204, body: null });
    expect((await sandbox.wasender('GET', '/status', undefined, body.api_key)).status).toBe(401);
    expect((await sandbox.wasender('GET', path(session))).status).toBe(404);
  });

  it('logs messages and status changes of a session', async () => {
    const session = await sandbox.linked();
    await sandbox.wasender('POST', '/send-message', { to: '+33639980002', text: 'one' }, session.key);
    await sandbox.wasender('POST', '/send-message', { to: '+33639989999', text: 'fails' }, session.key);
    await sandbox.control('POST', '/clock', { advance_seconds: 1 });
    const log = async (query: string): Promise<any> =>
      (await sandbox.wasender('GET', path(session, `/message-logs${query}`))).body.data;
    expect((await log('')).data.map((one: any) => [one.to, one.status])).toEqual([
      ['+33639989999', 'failed'],
      ['+33639980002', 'sent'],
    ]);
    expect(await log('?status=failed&per_page=1')).toMatchObject({ total: 1, last_page: 1, current_page: 1 });
    const { data } = (await sandbox.wasender('GET', path(session, '/session-logs'))).body.data;
    expect(data.map((one: any) => one.status)).toEqual(['connected', 'need_scan', 'connecting']);
  });

  it('is unknown to a call for another number, and known under its text', async () => {
    expect((await sandbox.wasender('GET', '/whatsapp-sessions/1')).status).toBe(404);
    expect((await sandbox.control('POST', '/scan', { session: 'nobody' })).status).toBe(404);
  });
});
