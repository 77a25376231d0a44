import { startReceiver, startTestSandbox, type Answer, type Receiver, type TestSandbox } from './test-sandbox.ts';

describe('logging in at the UniPile sandbox', () => {
  let sandbox: TestSandbox;
  let receiver: Receiver;

  beforeEach(async () => {
    sandbox = await startTestSandbox();
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const linkedin = (scenario: string): Promise<Answer> =>
    sandbox.unipile('POST', '/accounts', { provider: 'LINKEDIN', username: `${scenario}@example.test`, password: 'p' });
  const solve = (account_id: string, code: string): Promise<Answer> =>
    sandbox.unipile('POST', '/accounts/checkpoint', { provider: 'LINKEDIN', account_id, code });
  const advance = (advance_seconds: number): Promise<Answer> => sandbox.control('POST', '/clock', { advance_seconds });
  const variant = (name: string, value: unknown): Promise<Answer> =>
    sandbox.control('PUT', '/variants', { provider: 'unipile', name, value });

  it('logs a plain user in at once', async () => {
    const { status, body } = await linkedin('plain');
    expect({ status, object: body.object }).toEqual({ status: 201, object: 'AccountCreated' });
  });

  it.each([
    ['2fa', { type: '2FA', source: 'SMS' }, '123456'],
    ['otp', { type: 'OTP' }, '123456'],
    ['captcha', { type: 'CAPTCHA' }, '123456'],
    ['phone', { type: 'PHONE_REGISTER' }, '(+33)0612345678'],
    ['contract', { type: 'CONTRACT_CHOOSER' }, 'contract-us'],
  ])(
    'asks in the scenario %s, refuses a wrong answer and takes the right one after it',
    async (scenario, checkpoint, right) => {
      const first = await linkedin(scenario);
      expect(first.status).toBe(202);
      expect(first.body).toMatchObject({ object: 'Checkpoint', checkpoint });
      const id = first.body.account_id;
      const wrong = await solve(id, '999999');
      expect(wrong).toMatchObject({ status: 401, body: { type: 'errors/invalid_checkpoint_solution' } });
      expect(await solve(id, right)).toMatchObject({ status: 201, body: { object: 'AccountCreated', account_id: id } });
    },
  );

  it('waits for the approval in the app', async () => {
    const { body } = await linkedin('approve');
    const path = `/accounts/${body.account_id}`;
    expect((await sandbox.unipile('GET', path)).body.sources[0].status).toBe('CONNECTING');
    await sandbox.control('POST', '/approve', { account_id: body.account_id });
    expect((await sandbox.unipile('GET', path)).body.sources[0].status).toBe('OK');
  });

  it('refuses a wrong password and leaves no account behind', async () => {
    expect(await linkedin('wrong-password')).toMatchObject({
      status: 401,
      body: { type: 'errors/invalid_credentials' },
    });
    expect((await sandbox.unipile('GET', '/accounts')).body.items).toEqual([]);
  });

  it('offers another way until there is none', async () => {
    const { account_id } = (await linkedin('2fa')).body;
    const ways = [];
    for (let n = 0; n < 3; n++) ways.push((await solve(account_id, 'TRY_ANOTHER_WAY')).body.checkpoint);
    expect(ways).toEqual([
      { type: '2FA', source: 'APP' },
      { type: 'IN_APP_VALIDATION' },
      { type: '2FA', source: 'SMS' },
    ]);
    const phone = (await linkedin('phone')).body.account_id;
    expect(await solve(phone, 'TRY_ANOTHER_WAY')).toMatchObject({
      status: 401,
      body: { type: 'errors/checkpoint_error' },
    });
  });

  it('ends a login attempt after five minutes of its clock', async () => {
    const { account_id } = (await linkedin('2fa')).body;
    await advance(301);
    expect(await solve(account_id, '123456')).toMatchObject({
      status: 403,
      body: { type: 'errors/unknown_authentication_context' },
    });
  });

  it('runs one login per identity at a time', async () => {
    const { account_id } = (await linkedin('2fa')).body;
    expect(await linkedin('2fa')).toMatchObject({ status: 425, body: { type: 'errors/auth_in_progress' } });
    expect((await linkedin('otp')).status).toBe(202);
    await solve(account_id, '123456');
    expect((await linkedin('2fa')).status).toBe(202);
  });

  it('recognises the same person in a second account', async () => {
    const ids = [(await linkedin('ada')).body.account_id, (await linkedin('ADA')).body.account_id];
    expect(ids[0]).not.toBe(ids[1]);
    const [first, second] = await Promise.all(ids.map((id) => sandbox.unipile('GET', `/accounts/${id}`)));
    expect(first!.body.connection_params.im.id).toBe(second!.body.connection_params.im.id);
    const people = async (id: string): Promise<string[]> =>
      (await sandbox.unipile('GET', `/chat_attendees?account_id=${id}`)).body.items.map(
        (one: { provider_id: string }) => one.provider_id,
      );
    expect(await people(ids[0]!)).toEqual(await people(ids[1]!));
  });

  it('shows the same number when one phone scans twice, and another for each other phone', async () => {
    const ids = await Promise.all([
      sandbox.whatsapp('+33 6 39 98 00 01'),
      sandbox.whatsapp('33639980001'),
      sandbox.whatsapp(),
      sandbox.whatsapp(),
    ]);
    const numbers = await Promise.all(
      ids.map(async (id) => (await sandbox.unipile('GET', `/accounts/${id}`)).body.connection_params.im.phone_number),
    );
    expect(numbers.slice(0, 2)).toEqual(['33639980001', '33639980001']);
    expect(new Set(numbers).size).toBe(3);
  });

  it('lets a QR code lapse and gives a new one under the same id', async () => {
    const { body } = await sandbox.unipile('POST', '/accounts', { provider: 'WHATSAPP' });
    const { account_id } = body;
    await advance(61);
    const late = await sandbox.control('POST', '/scan', { account_id });
    expect(late.status).toBe(409);
    expect(late.body.error).toMatch(/lapsed/);
    const again = await sandbox.unipile('POST', `/accounts/${account_id}`, { provider: 'WHATSAPP' });
    expect(again).toMatchObject({ status: 202, body: { account_id, checkpoint: { type: 'QRCODE' } } });
    expect(again.body.checkpoint.qrcode).not.toBe(body.checkpoint.qrcode);
    expect((await sandbox.control('POST', '/scan', { account_id })).status).toBe(200);
  });

  it('gives a pairing code on request', async () => {
    const body = { provider: 'WHATSAPP', pairing_phone_number: '33639980007' };
    const answer = await sandbox.unipile('POST', '/accounts', body);
    expect(answer.body.checkpoint.pairing_code).toMatch(/^[1-9A-Z]{4}-[1-9A-Z]{4}$/);
    expect((await sandbox.unipile('POST', '/accounts', { ...body, pairing_phone_number: '+33' })).status).toBe(400);
  });

  it('scans and approves by itself after a while, by variant', async () => {
    await variant('auto_scan_seconds', 20);
    await variant('auto_approve_seconds', 10);
    const ids = [
      (await sandbox.unipile('POST', '/accounts', { provider: 'WHATSAPP' })).body.account_id,
      (await linkedin('approve')).body.account_id,
    ];
    await advance(20);
    for (const id of ids) expect((await sandbox.unipile('GET', `/accounts/${id}`)).body.sources[0].status).toBe('OK');
  });

  it('can hide an unscanned account, as the real service might', async () => {
    await variant('unscanned_account', 'not_found');
    const { account_id } = (await sandbox.unipile('POST', '/accounts', { provider: 'WHATSAPP' })).body;
    expect((await sandbox.unipile('GET', `/accounts/${account_id}`)).status).toBe(404);
    await sandbox.control('POST', '/scan', { account_id });
    expect((await sandbox.unipile('GET', `/accounts/${account_id}`)).status).toBe(200);
  });

  it('sends the statuses of an account to its webhooks, in order', async () => {
    await sandbox.unipile('POST', '/webhooks', { source: 'account_status', request_url: receiver.url });
    const account_id = await sandbox.whatsapp();
    await sandbox.control('POST', '/drop', { account_id, status: 'CREDENTIALS' });
    await sandbox.unipile('POST', `/accounts/${account_id}`, { provider: 'WHATSAPP' });
    await sandbox.control('POST', '/scan', { account_id });
    await sandbox.unipile('DELETE', `/accounts/${account_id}`);
    const received = await receiver.until(7);
    expect(received.map(({ body }) => body.AccountStatus.message)).toEqual([
      'CREATION_SUCCESS',
      'OK',
      'SYNC_SUCCESS',
      'CREDENTIALS',
      'RECONNECTED',
      'OK',
      'DELETED',
    ]);
    expect(received[0]!.body).toEqual({
      AccountStatus: { account_id, account_type: 'WHATSAPP', message: 'CREATION_SUCCESS' },
    });
  });

  it('can send the flat status with a reason', async () => {
    await variant('account_status_shape', 'flat');
    await variant('account_status_reason', 'logged out');
    const account_id = await sandbox.whatsapp();
    await sandbox.unipile('POST', '/webhooks', { source: 'account_status', request_url: receiver.url });
    await sandbox.control('POST', '/drop', { account_id, status: 'CREDENTIALS' });
    const [one] = await receiver.until(1);
    expect(one!.body).toEqual({ account_id, account_type: 'WHATSAPP', message: 'CREDENTIALS', reason: 'logged out' });
  });

  it('sends a code again, in either documented shape', async () => {
    const { account_id } = (await linkedin('2fa')).body;
    const resend = (): Promise<Answer> =>
      sandbox.unipile('POST', '/accounts/checkpoint/resend', { provider: 'LINKEDIN', account_id });
    expect((await resend()).body).toEqual({ object: 'CheckpointResend', account_id, success: true });
    await variant('resend_answer', 'checkpoint');
    expect((await resend()).body).toEqual({ object: 'Checkpoint', account_id });
  });

  it('reconnects mail with its passwords alone', async () => {
    const hosts = { imap_host: 'i.test', imap_port: 993, smtp_host: 's.test', smtp_port: 587 };
    const passwords = { imap_password: 'p', smtp_password: 'p' };
    const users = { imap_user: 'a@a.test', smtp_user: 'a@a.test' };
    const { account_id } = (
      await sandbox.unipile('POST', '/accounts', { provider: 'MAIL', ...hosts, ...passwords, ...users })
    ).body;
    const again = await sandbox.unipile('POST', `/accounts/${account_id}`, { provider: 'MAIL', ...passwords });
    expect(again.body).toEqual({ object: 'AccountReconnected', account_id });
    const { connection_params } = (await sandbox.unipile('GET', `/accounts/${account_id}`)).body;
    expect(connection_params.mail).toMatchObject({ ...hosts, ...users });
  });

  it('describes the error of a login body', async () => {
    const post = (body: object): Promise<Answer> => sandbox.unipile('POST', '/accounts', body);
    expect(await post({ provider: 'NOPE' })).toMatchObject({
      status: 400,
      body: { type: 'errors/invalid_parameters' },
    });
    expect((await post({ provider: 'LINKEDIN', username: 'a@a.test' })).status).toBe(400);
    await variant('unknown_fields', 'refused');
    expect(await post({ provider: 'WHATSAPP', colour: 'red' })).toMatchObject({
      status: 400,
      body: { type: 'errors/invalid_body' },
    });
    expect((await post({ provider: 'WHATSAPP' })).status).toBe(202);
  });
});
