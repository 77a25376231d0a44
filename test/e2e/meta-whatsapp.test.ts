import { eventually } from '../support/eventually.ts';
import { connectNumber, messageThat, messageWith, secondNumber, whatsappNumber } from '../support/meta.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterEach(() => stack.control.put('/faults', { provider: 'meta' }));
afterAll(() => stack?.stop());

const connect = (body: object = {}) => stack.api.post('/api/platforms/whatsapp/connect', body);
const variant = (name: string, value: unknown) => stack.control.put('/variants', { provider: 'meta', name, value });

describe('D2: POST /api/platforms/whatsapp/connect', () => {
  it.each([
    ['another number', { phone_number_id: '201000000000099' }, 'wrong_token'],
    ['a business account that the token does not reach', { business_account_id: '301000000000099' }, 'wrong_token'],
    ['a token that is not valid', { access_token: 'EAAmade-up' }, 'wrong_token'],
  ])('refuses %s with a reason, and connects nothing', async (_what, given, reason) => {
    const { status, body } = await connect({ ...whatsappNumber, ...given });
    expect(status).toBe(202);
    expect((await stack.api.step(body.account.id, 'failed')).step).toMatchObject({ reason, who: 'owner' });
    const account = await stack.api.account(body.account.id, 'failed');
    expect(account).toMatchObject({ provider_account_id: null, identity: null });
    const { body: line } = await stack.api.get(`/api/v1/accounts/${body.account.id}/timeline?limit=100`);
    expect(JSON.stringify(line)).not.toContain('EAA');
  });

  it('names a field that is no id, before anything is begun', async () => {
    const { status, body } = await connect({ phone_number_id: 'mine' });
    expect([status, body.error]).toEqual([422, expect.stringContaining('phone_number_id')]);
  });

  it('takes what is not given from the settings, by its path with a slash too', async () => {
    const { status, headers, body } = await stack.api.post('/api/platforms/whatsapp/connect/', { owner: 'zanele' });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/api/v1/accounts/${body.account.id}/attempt`);
    const account = await stack.api.account(body.account.id, 'active');
    expect(account).toMatchObject({
      provider: 'meta',
      channel: 'whatsapp',
      owner: 'zanele',
      provider_account_id: whatsappNumber.phone_number_id,
      identity: '+27110000001',
    });
    expect(account.connection_config.phone_number).toBe('+27110000001');
    expect(account.provider_config.account_metadata.display_name).toBe('Karoo Coffee');
  });

  it('asks for a number where the business account has several and none is named', async () => {
    const client = await stack.client('with several numbers');
    const { access_token, business_account_id } = whatsappNumber;
    const { body } = await client.post('/api/platforms/whatsapp/connect', { access_token, business_account_id });
    const { step } = await client.step(body.account.id, 'choose');
    expect(step.options.map(({ id }: any) => id)).toEqual([whatsappNumber.phone_number_id, secondNumber]);
    const path = `/api/v1/accounts/${body.account.id}/attempt/steps/${step.id}`;
    await client.post(path, { answer: secondNumber });
    expect((await client.account(body.account.id, 'active')).identity).toBe('+27110000002');
  });
});

describe('D6: WhatsApp Cloud', () => {
  let account: any;
  const from = '+27820000111';
  beforeAll(async () => {
    account = await connectNumber(stack.api, { owner: 'zanele' });
  });
  const receive = (more: object) =>
    stack.control.post('/messages', { account_id: whatsappNumber.phone_number_id, from, name: 'Zanele', ...more });
  const send = (body: object) =>
    stack.api.post('/api/v1/messages', { account: account.id, recipients: [from], ...body });

  it('takes a message in, answers it in the window, and follows what becomes of it', async () => {
    await receive({ text: 'Sawubona' });
    const message = await messageWith(stack.api, account.id, 'Sawubona');
    expect(message).toMatchObject({ direction: 'in', sender: expect.objectContaining({ name: 'Zanele' }) });
    const { body: conversation } = await stack.api.get(`/api/v1/conversations/${message.conversation}`);
    expect(conversation).toMatchObject({ unread_count: 1, window: { is_open: true, open_until: expect.any(String) } });
    const path = `/api/v1/conversations/${message.conversation}/messages`;
    const { body: answer } = await stack.api.post(path, { text: 'Yebo', reply_to: message.id });
    const sent = await messageThat(stack.api, answer.id, 'sent');
    expect(sent.provider_message_id).toMatch(/^wamid\./);
    for (const status of ['delivered', 'read']) {
      const receipt = { account_id: whatsappNumber.phone_number_id, message_id: sent.provider_message_id, status };
      await stack.control.post('/receipts', receipt);
      await messageThat(stack.api, answer.id, status);
    }
  });

  it('marks a conversation as read at Meta', async () => {
    await receive({ text: 'Read me' });
    const { conversation } = await messageWith(stack.api, account.id, 'Read me');
    await stack.api.patch(`/api/v1/conversations/${conversation}`, { read: true });
    await eventually('the mark', async () => {
      const { body } = await stack.api.get(`/api/v1/conversations/${conversation}`);
      return body.unread_count === 0 && body.changes.some((one: any) => one.field === 'read' && one.state === 'synced');
    });
  });

  it('respects the 24-hour window: a text after it fails before it goes out, a template goes', async () => {
    await receive({ text: 'The last word' });
    const { conversation } = await messageWith(stack.api, account.id, 'The last word');
    await stack.control.post('/clock', { advance_seconds: 25 * 3_600 });
    expect((await stack.api.get(`/api/v1/conversations/${conversation}`)).body.window.is_open).toBe(false);
    const path = `/api/v1/conversations/${conversation}/messages`;
    const late = await stack.api.post(path, { text: 'Too late' });
    expect([late.status, late.body.code]).toEqual([409, 'window_closed']);
    expect(`${late.body.detail} ${late.body.fix}`).toMatch(/template/);
    const template = { name: 'hello_world', language: 'en_US' };
    const { status, body } = await stack.api.post(path, { template });
    expect(status).toBe(202);
    await messageThat(stack.api, body.id, 'sent');
    // The person answers, and the window is open again.
    await receive({ text: 'Back again' });
    await messageWith(stack.api, account.id, 'Back again');
    const { body: free } = await stack.api.post(path, { text: 'Good to see you' });
    await messageThat(stack.api, free.id, 'sent');
  });

  it('says 131047 of Meta as window_closed, and keeps the account and other messages going', async () => {
    const late = await stack.api.post('/api/v1/messages', {
      account: account.id,
      recipients: ['+15550000047'],
      text: 'Hello?',
    });
    expect(late.status).toBe(202);
    const failed = await messageThat(stack.api, late.body.id, 'failed');
    expect(failed.send).toMatchObject({ state: 'failed', reason: 'window_closed', what_to_do: expect.any(String) });
    const { body } = await send({ text: 'Still here' });
    await messageThat(stack.api, body.id, 'sent');
    expect((await stack.api.get(`/api/v1/accounts/${account.id}`)).body.state).toBe('active');
  });

  it('tells a window that closed on the way, which Meta says in a status', async () => {
    await variant('window_answer', 'status');
    const { body } = await stack.api.post('/api/v1/messages', {
      account: account.id,
      recipients: ['+27820000222'],
      text: 'Too late on the way',
    });
    const failed = await messageThat(stack.api, body.id, 'failed');
    expect(failed.failure ?? failed.send).toMatchObject({ reason: 'window_closed' });
    await variant('window_answer', 'answer');
  });

  it.each([
    ['a template that does not exist', { name: 'no_such', language: 'en' }],
    ['too few parameters', { name: 'order_update', language: 'en', parameters: ['Zanele'] }],
    ['another language', { name: 'hello_world', language: 'fr' }],
  ])('refuses %s with template_refused, at once or when it is sent', async (_what, template) => {
    const { status, body } = await send({ template });
    if (status === 422) {
      expect(JSON.stringify(body)).toMatch(/template|parameter/);
      return;
    }
    expect(status).toBe(202);
    expect((await messageThat(stack.api, body.id, 'failed')).send.reason).toBe('template_refused');
  });

  it('sends a template with its parameters in their places', async () => {
    const template = {
      name: 'order_update',
      language: 'en',
      parameters: ['Zanele', '4711'],
      buttons: [{ index: 1, text: '4711' }],
    };
    const { status, body } = await send({ template });
    expect([status, body.detail]).toEqual([202, undefined]);
    const sent = await messageThat(stack.api, body.id, 'sent');
    expect(sent.text).toContain('Zanele');
  });

  it('takes a file in and gives it out, and sends one', async () => {
    const attachments = [{ mimetype: 'image/png', file_name: 'cup.png', size: 2_048 }];
    await receive({ text: 'My cup', attachments });
    const message = await messageWith(stack.api, account.id, 'My cup');
    const [file] = message.attachments;
    expect(file).toMatchObject({ kind: 'image', mime_type: 'image/png' });
    const bytes = await eventually('the file', async () => {
      const answer = await fetch(new URL(file.url, stack.api.url), {
        headers: { authorization: `Bearer ${stack.api.key}` },
      });
      const found = await answer.arrayBuffer();
      return answer.status === 200 ? found : null;
    });
    expect(bytes.byteLength).toBe(2_048);

    const form = new FormData();
    form.append('file', new Blob([bytes], { type: 'image/png' }), 'cup.png');
    const headers = { authorization: `Bearer ${stack.api.key}` };
    const uploaded: any = await (
      await fetch(`${stack.api.url}/api/v1/media`, { method: 'POST', headers, body: form })
    ).json();
    const { body } = await send({ text: 'Mine', attachments: [{ media_id: uploaded.id }] });
    const sent = await messageThat(stack.api, body.id, 'sent');
    expect(sent.attachments).toEqual([expect.objectContaining({ kind: 'image', size: 2_048 })]);
  });

  it('knows a person whose number is not told by the business-scoped id, as one conversation', async () => {
    const hidden = '+27820000333';
    await stack.control.post('/messages', {
      account_id: whatsappNumber.phone_number_id,
      from: hidden,
      name: 'Thandi',
      text: 'With a number',
    });
    const first = await messageWith(stack.api, account.id, 'With a number');
    await variant('whatsapp_phones', 'absent');
    await stack.control.post('/messages', {
      account_id: whatsappNumber.phone_number_id,
      from: hidden,
      name: 'Thandi',
      text: 'Without one',
    });
    const second = await messageWith(stack.api, account.id, 'Without one');
    expect(second.conversation).toBe(first.conversation);
    expect(second.sender.name).toBe('Thandi');
    const { body } = await stack.api.post(`/api/v1/conversations/${second.conversation}/messages`, {
      text: 'Found you',
    });
    await messageThat(stack.api, body.id, 'sent');
    await variant('whatsapp_phones', 'shown');
  });

  it('is degraded or asked to log in again by what Meta says of the number', async () => {
    const { phone_number_id: account_id } = whatsappNumber;
    await stack.control.post('/drop', { account_id, status: 'BANNED' });
    await eventually('the restriction', async () => {
      const { body } = await stack.api.get(`/api/v1/accounts/${account.id}`);
      return body.state !== 'active' && body.reason;
    });
    await stack.control.post('/drop', { account_id, status: 'ok' });
    await stack.api.account(account.id, 'active');
  });
});
