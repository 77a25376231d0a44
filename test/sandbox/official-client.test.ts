import { UnipileClient } from 'unipile-node-sdk';
import { eventually } from '../support/eventually.ts';
import { startReceiver, startTestSandbox, type Receiver, type TestSandbox } from './test-sandbox.ts';

/** UniPile's own Node client, which refuses every answer outside its schemas. */
describe('P6: the official UniPile client in its strictest mode', () => {
  let sandbox: TestSandbox;
  let receiver: Receiver;
  let client: UnipileClient;

  beforeAll(async () => {
    sandbox = await startTestSandbox();
    receiver = await startReceiver();
    client = new UnipileClient(sandbox.unipileUrl, 'sandbox-key', {
      validateRequestPayload: true,
      validateRequestPayloadLevel: 'error',
    });
  });
  afterAll(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const connectWhatsapp = async (): Promise<string> => {
    const { account_id, code, qrCodeString } = await client.account.connectWhatsapp();
    expect(code).toMatch(/^2@/);
    expect(qrCodeString).not.toBe('');
    await sandbox.control('POST', '/scan', { account_id });
    return account_id;
  };
  const statuses = async (id: string): Promise<string[]> => {
    const account = (await client.account.getOne(id)) as unknown as { sources: { status: string }[] };
    return account.sources.map((source) => source.status);
  };

  it('connects WhatsApp by QR, before and after the scan', async () => {
    const { account_id } = await client.account.connectWhatsapp();
    expect(await statuses(account_id)).toEqual(['CONNECTING']);
    await sandbox.control('POST', '/scan', { account_id, phone: '+33639980042' });
    expect(await client.account.getOne(account_id)).toMatchObject({
      type: 'WHATSAPP',
      name: '33639980042',
      connection_params: { im: { phone_number: '33639980042' } },
      sources: [{ id: `${account_id}_MESSAGING`, status: 'OK' }],
    });
  });

  it('reconnects WhatsApp under the same id', async () => {
    const id = await connectWhatsapp();
    await sandbox.control('POST', '/drop', { account_id: id, status: 'CREDENTIALS' });
    expect(await statuses(id)).toEqual(['CREDENTIALS']);
    const again = await client.account.reconnectWhatsapp(id);
    expect(again.account_id).toBe(id);
    await sandbox.control('POST', '/scan', { account_id: id });
    expect(await statuses(id)).toEqual(['OK']);
  });

  it('connects Telegram by QR', async () => {
    const { account_id } = await client.account.connectTelegram();
    await sandbox.control('POST', '/scan', { account_id });
    expect(await statuses(account_id)).toEqual(['OK']);
    expect(await client.users.getOwnProfile(account_id)).toMatchObject({ provider: 'TELEGRAM' });
  });

  it('logs in to LinkedIn through 2FA and a contract choice', async () => {
    const first = await client.account.connectLinkedin({ username: 'two@example.test', password: 'p' });
    if (first.object !== 'Checkpoint') throw new Error('a checkpoint was due');
    expect(first.checkpoint).toEqual({ type: '2FA', source: 'SMS' });
    const { account_id } = first;
    const second = await client.account.solveCodeCheckpoint({ account_id, provider: 'LINKEDIN', code: '123456' });
    if (second.object !== 'Checkpoint' || second.checkpoint.type !== 'CONTRACT_CHOOSER')
      throw new Error('a choice was due');
    const { id } = second.checkpoint.contract_options[0]!;
    const done = await client.account.solveCodeCheckpoint({ account_id, provider: 'LINKEDIN', code: id });
    expect(done).toEqual({ object: 'AccountCreated', account_id });
    expect(await client.account.getOne(account_id)).toMatchObject({
      connection_params: { im: { premiumContractId: id } },
    });
    expect(await client.users.getOwnProfile(account_id)).toMatchObject({ provider: 'LINKEDIN', premium: true });
  });

  it.each(['2fa', 'otp', 'approve', 'captcha', 'contract', 'phone'])(
    'takes the checkpoint of the scenario %s',
    async (scenario) => {
      const answer = await client.account.connectLinkedin({ username: `${scenario}@each.test`, password: 'p' });
      expect(answer.object).toBe('Checkpoint');
    },
  );

  it('logs in to every other channel with credentials', async () => {
    const logins = [
      await client.account.connectLinkedinWithCookie({ access_token: 'li_at', user_agent: 'Mozilla/5.0' }),
      await client.account.connectInstagram({ username: 'ana', password: 'p' }),
      await client.account.connectMessenger({ username: 'ana', password: 'p' }),
      await client.account.connectTwitter({ username: 'ana', email: 'ana@example.test', password: 'p' }),
      await client.account.connect({
        provider: 'MAIL',
        imap_user: 'ana@example.test',
        imap_password: 'p',
        imap_host: 'imap.example.test',
        imap_port: 993,
        imap_encryption: 'tls',
        smtp_user: 'ana@example.test',
        smtp_password: 'p',
        smtp_host: 'smtp.example.test',
        smtp_port: 587,
      }),
      await client.account.connect({ provider: 'GOOGLE_OAUTH', refresh_token: 'r', access_token: 'a' }),
      await client.account.connect({
        provider: 'OUTLOOK',
        refresh_token: 'r',
        access_token: 'a',
        username: 'ana',
        id: 'x',
      }),
    ];
    expect(logins.map((login) => login.object)).toEqual(logins.map(() => 'AccountCreated'));
    const { items } = await client.account.getAll({ limit: 250 });
    for (const { account_id } of logins) expect(items.map((account) => account.id)).toContain(account_id);
  });

  it('asks for links to the hosted page', async () => {
    const common = {
      expiresOn: new Date(Date.now() + 3_600_000).toISOString(),
      api_url: sandbox.unipileUrl,
      notify_url: receiver.url,
      success_redirect_url: 'https://app.example/yes',
      failure_redirect_url: 'https://app.example/no',
      name: 'user-42',
    };
    const created = await client.account.createHostedAuthLink({ ...common, type: 'create', providers: '*' });
    expect(created).toEqual({ object: 'HostedAuthUrl', url: expect.stringContaining(`${sandbox.unipileUrl}/`) });
    const { account_id: reconnect_account } = await client.account.connectInstagram({ username: 'bo', password: 'p' });
    const again = await client.account.createHostedAuthLink({ ...common, type: 'reconnect', reconnect_account });
    expect((await fetch(again.url)).headers.get('content-type')).toContain('text/html');
    await expect(
      client.account.createHostedAuthLink({ ...common, type: 'create', providers: [] }),
    ).rejects.toMatchObject({ body: { type: 'errors/invalid_parameters', status: 400 } });
  });

  it('pages through accounts', async () => {
    const whole = await client.account.getAll();
    const page = await client.account.getAll({ limit: 2 });
    expect(page.items).toEqual(whole.items.slice(0, 2));
    const next = await client.account.getAll({ cursor: page.cursor! });
    expect(next.items).toEqual(whole.items.slice(2, 4));
  });

  it.each(['WHATSAPP', 'LINKEDIN', 'INSTAGRAM', 'TELEGRAM'] as const)(
    'reads chats, messages and attendees of %s',
    async (type) => {
      const login = { username: `plain@${type}.test`, password: 'p' };
      const { account_id: id } = await {
        WHATSAPP: () => client.account.connectWhatsapp(),
        TELEGRAM: () => client.account.connectTelegram(),
        LINKEDIN: () => client.account.connectLinkedin(login),
        INSTAGRAM: () => client.account.connectInstagram(login),
      }[type]();
      if (type === 'WHATSAPP' || type === 'TELEGRAM') await sandbox.control('POST', '/scan', { account_id: id });

      const chats = await client.messaging.getAllChats({ account_id: id, limit: 250 });
      expect(chats.items).toHaveLength(12);
      for (const { id: chat_id } of chats.items) {
        await client.messaging.getChat(chat_id);
        const messages = await client.messaging.getAllMessagesFromChat({ chat_id });
        expect(messages.items.length).toBeGreaterThanOrEqual(3);
        await client.messaging.getMessage(messages.items[0]!.id);
        const attendees = await client.messaging.getAllAttendeesFromChat(chat_id);
        expect(attendees.items.length).toBeGreaterThan(0);
      }
      const all = await client.messaging.getAllMessages({ account_id: id, limit: 250 });
      const withFile = all.items.find((message) => message.attachments.some((one) => !one.unavailable))!;
      const bytes = (await client.messaging.getMessageAttachment({
        message_id: withFile.id,
        attachment_id: withFile.attachments[0]!.id,
      })) as Blob;
      expect(bytes.size).toBeGreaterThan(0);

      const people = await client.messaging.getAllAttendees({ account_id: id });
      expect(people.items).toHaveLength(11);
      const someone = people.items[0]!;
      expect(await client.messaging.getAttendee(someone.id)).toMatchObject({ id: someone.id, name: someone.name });
      const theirs = await client.messaging.getAllChatsFromAttendee({ attendee_id: someone.id });
      expect(theirs.items.length).toBeGreaterThan(0);
      await client.messaging.getAllMessagesFromAttendee({ attendee_id: someone.id });
      await client.users.getProfile({ account_id: id, identifier: someone.provider_id });
    },
  );

  it.each([null, 60])(
    'reads edits, deletions, replies, receipts, groups and lost files; media for %s s',
    async (value) => {
      await sandbox.control('PUT', '/variants', { provider: 'unipile', name: 'media_url_seconds', value });
      const account_id = await connectWhatsapp();
      await sandbox.control('POST', '/groups', { account_id, name: 'News', members: ['33639980003'], channel: true });
      const attachments = [{ mimetype: 'audio/ogg', unavailable: true }];
      await sandbox.control('POST', '/messages', { account_id, from: '33639980002', attachments });
      expect((await sandbox.control('POST', '/writer', { account_id, count: 200, seed: 1 })).status).toBe(200);
      await eventually('the writer', async () => (await sandbox.control('GET', '/writer')).body.state === 'done');
      const messages = (await client.messaging.getAllMessages({ account_id, limit: 250 })).items;
      for (const flag of ['edited', 'deleted', 'seen', 'is_event'] as const) {
        expect(messages.some((one) => one[flag] === 1)).toBe(true);
      }
      expect(messages.some((one) => one.quoted)).toBe(true);
      expect(messages.some((one) => one.attachments.some(({ unavailable }) => unavailable))).toBe(true);
      expect(messages.some((one) => Object.keys(one.seen_by).length > 0)).toBe(true);
      const chats = (await client.messaging.getAllChats({ account_id, limit: 250 })).items;
      expect(new Set(chats.map(({ type }) => type))).toEqual(new Set([0, 1, 2]));
      for (const { id } of chats) await client.messaging.getChat(id);
      await client.messaging.getAllAttendees({ account_id, limit: 250 });
    },
  );

  it('reads LinkedIn relations', async () => {
    const { account_id } = await client.account.connectLinkedin({ username: 'relations@example.test', password: 'p' });
    const first = await client.users.getAllRelations({ account_id, limit: 10 });
    const rest = await client.users.getAllRelations({ account_id, cursor: first.cursor! });
    expect([first.items.length, rest.items.length, rest.cursor]).toEqual([10, 1, null]);
    expect(await client.account.resyncLinkedinAccount({ account_id })).toEqual({
      object: 'AccountResync',
      status: 'SYNC_STARTED',
    });
  });

  it('sends into a chat and starts one', async () => {
    const account_id = await connectWhatsapp();
    const [chat] = (await client.messaging.getAllChats({ account_id, limit: 1 })).items;
    const sent = await client.messaging.sendMessage({
      chat_id: chat!.id,
      text: 'Hello',
      attachments: [['note.txt', Buffer.from('bytes')]],
    });
    const [latest] = (await client.messaging.getAllMessagesFromChat({ chat_id: chat!.id, limit: 1 })).items;
    expect(latest).toMatchObject({ id: sent.message_id, text: 'Hello', is_sender: 1 });
    const file = (await client.messaging.getMessageAttachment({
      message_id: latest!.id,
      attachment_id: latest!.attachments[0]!.id,
    })) as Blob;
    expect(await file.text()).toBe('bytes');

    const started = await client.messaging.startNewChat({
      account_id,
      text: 'Nice to meet you',
      attendees_ids: ['33639980099@s.whatsapp.net'],
    });
    expect(await client.messaging.getChat(started.chat_id!)).toMatchObject({
      attendee_provider_id: '33639980099@s.whatsapp.net',
      lastMessage: { id: started.message_id, text: 'Nice to meet you' },
    });
    expect(await client.messaging.setChatStatus({ chat_id: chat!.id, action: 'setReadStatus', value: false })).toEqual({
      object: 'ChatPatched',
    });
    expect((await client.messaging.getChat(chat!.id)).unread_count).toBe(1);
  });

  it('registers, lists and deletes webhooks', async () => {
    const account_id = await connectWhatsapp();
    const { webhook_id } = await client.webhook.create({
      source: 'messaging',
      request_url: receiver.url,
      name: 'inbox',
      account_ids: [account_id],
      headers: [{ key: 'Unipile-Auth', value: 'secret' }],
      events: ['message_received', 'message_read'],
    });
    const status = await client.webhook.create({ source: 'account_status', request_url: receiver.url });
    const listed = await client.webhook.getAll();
    expect(listed.items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: webhook_id, account_ids: [expect.objectContaining({ id: account_id })] }),
        expect.objectContaining({ id: status.webhook_id, account_ids: [] }),
      ]),
    );
    for (const id of [webhook_id, status.webhook_id]) {
      expect(await client.webhook.delete(id)).toEqual({ object: 'WebhookDeleted' });
    }
    expect((await client.webhook.getAll()).items).toEqual([]);
  });

  it('deletes an account, after which it is not found', async () => {
    const id = await connectWhatsapp();
    expect(await client.account.delete(id)).toEqual({ object: 'AccountDeleted' });
    await expect(client.account.getOne(id)).rejects.toMatchObject({
      body: { type: 'errors/resource_not_found', status: 404 },
    });
  });

  it('reports errors by their slug', async () => {
    await expect(
      client.account.connectLinkedin({ username: 'wrong-password@a.test', password: 'p' }),
    ).rejects.toMatchObject({
      body: { type: 'errors/invalid_credentials', status: 401 },
    });
    await expect(client.messaging.getAllChats({ limit: 251 })).rejects.toMatchObject({
      body: { type: 'errors/limit_too_high' },
    });
    const foreign = new UnipileClient(sandbox.unipileUrl, 'another-key');
    await expect(foreign.account.getAll()).rejects.toMatchObject({
      body: { type: 'errors/invalid_api_key', status: 401 },
    });
  });
});
