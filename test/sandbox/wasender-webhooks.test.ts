import { startWasenderSandbox, of, type TestSession, type WasenderSandbox } from './wasender-sandbox.ts';
import { startReceiver, type Receiver } from './test-sandbox.ts';

describe('webhooks of the WASender sandbox', () => {
  let sandbox: WasenderSandbox;
  let receiver: Receiver;
  let session: TestSession;

  beforeEach(async () => {
    sandbox = await startWasenderSandbox();
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const linked = async (...webhook_events: string[]): Promise<void> => {
    session = await sandbox.linked({ webhook_url: receiver.url, webhook_enabled: true, webhook_events });
  };
  const write = (text: string, extra: object = {}): Promise<any> =>
    sandbox.control('POST', '/messages', { session: session.id, from: '+33639980002', name: 'Bo', text, ...extra });
  const send = (to: string): Promise<any> => sandbox.wasender('POST', '/send-message', { to, text: 'Hi' }, session.key);

  it('signs with the secret itself and exposes the API key in session events', async () => {
    await linked('session.status', 'qrcode.updated');
    const received = await receiver.until(4);
    expect(received.map(({ body }) => [body.event, body.data.status ?? typeof body.data.qr])).toEqual([
      ['session.status', 'connecting'],
      ['session.status', 'need_scan'],
      ['qrcode.updated', 'string'],
      ['session.status', 'connected'],
    ]);
    for (const { headers, body } of received) {
      expect(headers).toMatchObject({ 'x-webhook-signature': session.secret, 'content-type': 'application/json' });
      expect(body.sessionId).toBe(session.key);
    }
  });

  it('sends an incoming message with the sender in every form', async () => {
    await linked('messages.received', 'messages-personal.received', 'messages.upsert');
    await write('On my way');
    const received = await receiver.until(3);
    const by = (event: string): any => received.find(of(event))!.body;
    const message = by('messages.received').data.messages;
    expect(message).toMatchObject({
      key: {
        id: expect.stringMatching(/^3EB0/),
        fromMe: false,
        remoteJid: '33639980002@s.whatsapp.net',
        addressingMode: 'pn',
        senderPn: '33639980002@s.whatsapp.net',
        cleanedSenderPn: '33639980002',
        senderLid: expect.stringMatching(/@lid$/),
      },
      pushName: 'Bo',
      message: { conversation: 'On my way' },
      messageBody: 'On my way',
    });
    expect(by('messages-personal.received').data.messages).toEqual(message);
    expect(by('messages.upsert').data.messages).toEqual([message]);
    expect(by('messages.received').sessionId).toBeUndefined();
    expect(by('messages.received').timestamp).toBeLessThan(10_000_000_000);
  });

  it('sends a group’s message with its author', async () => {
    await linked('messages-group.received');
    const [group] = (await sandbox.wasender('GET', '/groups', undefined, session.key)).body.data;
    await write('To all', { chat: group.id });
    const [one] = await receiver.until(1);
    expect(one!.body.data.messages.key).toMatchObject({
      remoteJid: group.id,
      participant: '33639980002@s.whatsapp.net',
      cleanedParticipantPn: '33639980002',
    });
  });

  it('sends the delivery status of a sent message, and its receipts', async () => {
    await linked('message.sent', 'messages.upsert', 'messages.update', 'message-receipt.update');
    const { data } = (await send('+33639980002')).body;
    expect(data).toEqual({ msgId: expect.any(Number), jid: '33639980002@s.whatsapp.net', status: 'in_progress' });
    await receiver.until(3);
    await sandbox.control('POST', '/receipts', { session: session.id, message_id: data.msgId, status: 'read' });
    const received = await receiver.until(5);
    expect(received.map(({ body }) => body.event)).toEqual([
      'message.sent',
      'messages.upsert',
      'messages.update',
      'messages.update',
      'message-receipt.update',
    ]);
    const [sent, echo, out, read] = received.map(({ body }) => body.data);
    expect(sent).toMatchObject({ success: true, key: { fromMe: true } });
    expect(echo.messages[0].key).toEqual(sent.key);
    expect([out.update.status, read.update.status, read.key]).toEqual([2, 4, sent.key]);
    const info = await sandbox.wasender('GET', `/messages/${data.msgId}/info`, undefined, session.key);
    expect(info.body.data).toMatchObject({ msgId: data.msgId, id: sent.key.id, status: 4 });
  });

  it('accepts a message that fails afterwards, and sends it again', async () => {
    await linked('message.sent');
    const { msgId } = (await send('+33639989999')).body.data;
    const [failed] = await receiver.until(1);
    expect(failed!.body.data).toMatchObject({ success: false, error: expect.any(String) });
    const again = await sandbox.wasender('POST', `/messages/${msgId}/resend`, undefined, session.key);
    expect(again.body).toEqual({ success: true, message: expect.any(String) });
    expect((await receiver.until(2))[1]!.body.data.success).toBe(true);
  });

  it('refuses recipients without WhatsApp', async () => {
    await linked();
    expect(await send('+33639980000')).toMatchObject({
      status: 422,
      body: { message: expect.stringMatching(/does not exist/) },
    });
    expect(await send('nobody')).toMatchObject({ status: 422, body: { message: 'Invalid JID' } });
  });

  it('sends the changed fields of contacts, in batches', async () => {
    await linked('contacts.update', 'contacts.upsert');
    await sandbox.control('PUT', '/address-book', { session: session.id, size: 1000, seed: 'a', announce: true });
    const contacts = (await receiver.until(10, of('contacts.upsert'))).flatMap(({ body }) => body.data);
    expect(contacts).toHaveLength(1000);
    const visible = contacts.find((one) => one.id.endsWith('@s.whatsapp.net'));
    expect(visible).toMatchObject({ lid: expect.stringMatching(/@lid$/), phoneNumber: visible.id });
    expect(contacts.some((one) => one.id.endsWith('@lid') && one.phoneNumber === undefined)).toBe(true);

    await sandbox.control('PATCH', '/address-book', { session: session.id, change: 0.15, remove: 0.1 });
    const changes = (await receiver.until(2, of('contacts.update'))).flatMap(({ body }) => body.data);
    expect(changes).toHaveLength(150);
    const { data } = (await sandbox.wasender('GET', '/contacts', undefined, session.key)).body;
    const after = new Map<string, any>(data.map((one: any) => [one.id, one]));
    for (const { id, imgUrl, ...fields } of changes) {
      expect(after.get(id)).toMatchObject(fields);
      expect([undefined, 'changed']).toContain(imgUrl);
    }
  });

  it('makes a contact of an unknown sender', async () => {
    await linked('contacts.upsert');
    await write('Hello');
    await write('Hello again');
    const [one] = await receiver.until(1);
    expect(one!.body.data).toEqual([{ id: '33639980002@s.whatsapp.net', notify: 'Bo' }]);
    const found = await sandbox.wasender('GET', '/contacts/33639980002', undefined, session.key);
    expect(found.body.data).toMatchObject({ notify: 'Bo' });
  });

  it('keeps messages while the phone is disconnected', async () => {
    await linked('messages.received', 'session.status');
    await sandbox.control('POST', '/drop', { session: session.id, status: 'logged_out' });
    expect((await write('missed')).body.waiting).toBe(true);
    await sandbox.wasender('POST', `/whatsapp-sessions/${session.id}/connect`);
    await sandbox.control('POST', '/scan', { session: session.id });
    const [one] = await receiver.until(1, of('messages.received'));
    expect(one!.body.data.messages.messageBody).toBe('missed');
  });

  it('serves received media for its key, for an hour', async () => {
    await linked('messages.received');
    await write('', { text: 'look', attachments: [{ mimetype: 'image/png', size: 100 }] });
    const { messages } = (await receiver.until(1))[0]!.body.data;
    expect(messages.message.imageMessage).toMatchObject({ mimetype: 'image/png', caption: 'look' });
    const { publicUrl } = (await sandbox.wasender('POST', '/decrypt-media', { data: { messages } }, session.key)).body;
    expect((await (await fetch(publicUrl)).bytes()).length).toBe(100);
    await sandbox.control('POST', '/clock', { advance_seconds: 3600 });
    expect((await fetch(publicUrl)).status).toBe(410);
  });

  it('accepts uploads as bytes and as base64', async () => {
    await linked();
    const headers = { authorization: `Bearer ${session.key}`, 'content-type': 'image/png' };
    const raw = await fetch(`${sandbox.wasenderUrl}/upload`, { method: 'POST', headers, body: 'bytes' });
    const { body } = await sandbox.wasender('POST', '/upload', { base64: btoa('bytes') }, session.key);
    for (const { publicUrl } of [(await raw.json()) as { publicUrl: string }, body]) {
      expect(await (await fetch(publicUrl)).text()).toBe('bytes');
    }
  });

  it('sends what was uploaded as a file of WhatsApp, and refuses what cannot be sent', async () => {
    await linked('messages.upsert');
    const upload = async (bytes: number, type: string): Promise<string> => {
      const headers = { authorization: `Bearer ${session.key}`, 'content-type': type };
      const body = 'x'.repeat(bytes);
      const answer = await fetch(`${sandbox.wasenderUrl}/upload`, { method: 'POST', headers, body });
      return ((await answer.json()) as { publicUrl: string }).publicUrl;
    };
    const send = async (body: object): Promise<number> =>
      (await sandbox.wasender('POST', '/send-message', { to: '+33639980002', ...body }, session.key)).status;
    const menu = await upload(8, 'application/pdf');
    expect(await send({ text: 'See', documentUrl: menu, fileName: 'menu.pdf' })).toBe(200);
    await sandbox.control('POST', '/clock', { advance_seconds: 60 });
    const { messages } = (await receiver.until(1))[0]!.body.data;
    const [{ message }] = [messages].flat();
    expect(message.documentMessage).toMatchObject({
      mimetype: 'application/pdf',
      fileLength: '8',
      fileName: 'menu.pdf',
      caption: 'See',
      mediaKey: expect.any(String),
    });
    const decrypted = await sandbox.wasender(
      'POST',
      '/decrypt-media',
      { data: { messages: { message } } },
      session.key,
    );
    expect((await (await fetch(decrypted.body.publicUrl)).bytes()).length).toBe(8);
    expect(await send({ imageUrl: menu })).toBe(422);
    expect(await send({ imageUrl: await upload(5 * 1024 * 1024 + 1, 'image/png') })).toBe(422);
    expect(await send({ imageUrl: `${menu}0` })).toBe(422);
    await sandbox.control('POST', '/clock', { advance_seconds: 86_400 });
    expect(await send({ documentUrl: menu })).toBe(422);
  });

  it('sends only the registered events, and none when it is off', async () => {
    await linked('messages.received');
    await write('one', { from: 'me', chat: '33639980002' });
    await sandbox.wasender('PUT', `/whatsapp-sessions/${session.id}`, { webhook_enabled: false });
    await write('two');
    await sandbox.wasender('PUT', `/whatsapp-sessions/${session.id}`, { webhook_enabled: true });
    await write('three');
    await receiver.until(1);
    expect(receiver.received.map(({ body }) => body.data.messages.messageBody)).toEqual(['three']);
  });

  it('retries, and drops and doubles by fault', async () => {
    await linked('messages.received');
    await sandbox.variant('webhook_retry_base_seconds', 0.01);
    receiver.answers.push(500, 503);
    await write('kept');
    await receiver.until(3);
    await sandbox.control('PUT', '/faults', { provider: 'wasender', webhook_drop: 1, times: 1 });
    await write('dropped');
    await sandbox.control('PUT', '/faults', { provider: 'wasender', webhook_duplicate: 1, times: 1 });
    await write('doubled');
    const received = await receiver.until(5);
    expect(received.slice(3).map(({ body }) => body.data.messages.messageBody)).toEqual(['doubled', 'doubled']);
  });
});
