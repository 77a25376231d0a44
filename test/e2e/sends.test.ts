import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { wasenderAccount } from '../support/wasender-account.ts';

let stack: TestStack;
let account: string;
let upstream: string;
beforeAll(async () => {
  stack = await startTestStack();
  const body = { provider: 'unipile', channel: 'whatsapp', owner: 'maya' };
  account = (await stack.api.post('/api/v1/accounts', body)).body.account.id;
  upstream = await eventually(
    'the login to begin',
    async () => (await stack.api.get(`/api/v1/accounts/${account}`)).body.provider_account_id,
  );
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(account, 'active');
});
afterAll(() => stack?.stop());

const stateOf = async (id: string): Promise<any> =>
  (
    await stack.db.system((em) =>
      runSql<any>(
        em,
        `select m.status, m.provider_message_id, m.conversation_id, s.state from messages m
         join message_sends s on s.message_id = m.id where m.id = ?`,
        [id],
      ),
    )
  )[0];
const sent = (id: string): Promise<any> =>
  eventually('the message to be sent', async () => {
    const row = await stateOf(id);
    return row.state === 'sent' && row;
  });
async function send(text: string, recipient = '+33639980777'): Promise<any> {
  const { status, body } = await stack.api.post('/api/v1/messages', { account, recipients: [recipient], text });
  expect(status).toBe(202);
  return body;
}
/** The texts that the account wrote, as the provider has them. */
async function written(): Promise<string[]> {
  const { body } = await stack.provider('GET', `/messages?account_id=${upstream}&limit=100`);
  return body.items.filter((one: any) => one.is_sender === 1).map((one: any) => one.text);
}
const times = async (text: string): Promise<number> => (await written()).filter((one) => one === text).length;

it('C4: begins a conversation by number, and sends in it', async () => {
  const first = await send('Hello');
  const row = await sent(first.id);
  expect(row).toMatchObject({ conversation_id: first.conversation, provider_message_id: expect.any(String) });
  const path = `/api/v1/conversations/${first.conversation}/messages`;
  const { body: second } = await stack.api.post(path, { text: 'And more' });
  await sent(second.id);
  expect([await times('Hello'), await times('And more')]).toEqual([1, 1]);
});

it('sends once where the answer is lost after the provider took the message', async () => {
  await stack.control.put('/faults', {
    provider: 'unipile',
    after_effect: 1,
    times: 1,
    route: 'POST /api/v1/chats/:id/messages',
  });
  const { id } = await send('Answer lost');
  await sent(id);
  expect(await times('Answer lost')).toBe(1);
});

it('sends once where the message never arrived', async () => {
  const route = 'POST /api/v1/chats/:id/messages';
  await stack.control.put('/faults', { provider: 'unipile', rate_500: 1, times: 1, route });
  const { id } = await send('Never arrived');
  await eventually('the call', async () => !(await stack.control.get('/faults')).length);
  expect(await times('Never arrived')).toBe(0);
  // Once the provider's list would surely show it.
  const done = await eventually('the message to be sent', async () => {
    await stack.control.post('/clock', { advance_seconds: 15 });
    const row = await stateOf(id);
    return row.state === 'sent' && row;
  });
  expect(done).toMatchObject({ status: expect.stringMatching(/^(sent|delivered)$/) });
  expect(await times('Never arrived')).toBe(1);
});

it('fails with the reason for a recipient that is not on the channel, and sends nothing', async () => {
  const { id } = await send('To nobody', '+33639980000');
  await eventually('the refusal', async () => (await stateOf(id)).state === 'failed');
  const { body } = await stack.api.get(`/api/v1/messages/${id}`);
  expect(body).toMatchObject({
    status: 'failed',
    send: { state: 'failed', reason: 'request_refused', detail: expect.any(String), what_to_do: expect.any(String) },
  });
  expect(await times('To nobody')).toBe(0);
});

it('shows the limits in force, and lets an operator change them', async () => {
  const shown = async (): Promise<any> => {
    const { body } = await stack.api.get(`/api/v1/accounts/${account}`);
    return body.provider_config?.rate_limits;
  };
  // A young account has a share of its channel's limits.
  expect(await eventually('the details', shown)).toMatchObject({ per_minute: 60, per_hour: 180, per_day: 600 });
  const limits = { per_minute: 30, per_hour: 300, per_day: null, spacing_seconds: null };
  const { status } = await stack.api.patch(`/api/v1/accounts/${account}`, { rate_limits: limits });
  expect(status).toBe(200);
  expect(await shown()).toMatchObject(limits);
});

it('has one row of each message, also where its echo came first', async () => {
  const rows = await stack.db.system((em) =>
    runSql<any>(em, "select text, count(*)::int as n from messages where direction = 'out' group by text", []),
  );
  const own = rows.filter(({ text }) => ['Hello', 'And more', 'Answer lost'].includes(text));
  expect(own.map(({ n }) => n)).toEqual([1, 1, 1]);
});

describe('C5: a change of a conversation', () => {
  let id: string;
  let chat: string;
  beforeAll(async () => {
    const first = await send('To be read');
    await sent(first.id);
    id = first.conversation;
    chat = (await stack.provider('GET', `/chats?account_id=${upstream}&limit=100`)).body.items[0].id;
  });
  const theirs = async (): Promise<any> => (await stack.provider('GET', `/chats/${chat}`)).body;
  const synced = (): Promise<unknown> =>
    eventually('the provider to be told', async () => {
      const { changes } = (await stack.api.get(`/api/v1/conversations/${id}`)).body;
      return changes.every(({ state, field }: any) => state === (field === 'labels' ? 'local' : 'synced'));
    });

  it('goes to the provider', async () => {
    await stack.control.post('/messages', { account_id: upstream, from: '+33639980777', text: 'Hi' });
    await eventually('the message to be there', async () => {
      return (await stack.api.get(`/api/v1/conversations/${id}`)).body.unread_count === 1;
    });
    expect(await theirs()).toMatchObject({ unread_count: 1, archived: 0, pinned: 0, muted_until: null });
    const change = { read: true, archived: true, pinned: true, muted: true, labels: ['vip'] };
    const { status, body } = await stack.api.patch(`/api/v1/conversations/${id}`, change);
    expect([status, body.changes.length]).toEqual([200, 5]);
    await synced();
    expect(await theirs()).toMatchObject({ unread_count: 0, archived: 1, pinned: 1, muted_until: -1 });
  });

  it('is told once more where the provider failed', async () => {
    await stack.control.put('/faults', {
      provider: 'unipile',
      after_effect: 1,
      times: 1,
      route: 'PATCH /api/v1/chats/:id',
    });
    const path = `/api/v1/communications/whatsapp/chats/${id}/`;
    expect((await stack.api.put(path, { archived: false })).status).toBe(200);
    await synced();
    expect(await theirs()).toMatchObject({ archived: 0, pinned: 1 });
  });
});

it('C4, C9: sends an uploaded file, once where the answer is lost, and its echo doubles no attachment', async () => {
  const form = new FormData();
  form.append('file', new Blob(['%PDF-1.7'], { type: 'application/pdf' }), 'menu.pdf');
  const { url, key } = stack.api;
  const headers = { authorization: `Bearer ${key}` };
  const uploaded = await fetch(`${url}/api/v1/media`, { method: 'POST', headers, body: form });
  const { id: media } = (await uploaded.json()) as { id: string };
  await stack.control.put('/faults', {
    provider: 'unipile',
    after_effect: 1,
    times: 1,
    route: 'POST /api/v1/chats/:id/messages',
  });
  const { status, body } = await stack.api.post('/api/v1/messages', {
    account,
    recipients: ['+33639980777'],
    text: 'The menu',
    attachments: [{ media_id: media, file_name: 'menu.pdf' }],
  });
  const file = { kind: 'document', file_name: 'menu.pdf', mime_type: 'application/pdf', size: 8 };
  expect([status, body.attachments]).toEqual([202, [expect.objectContaining(file)]]);
  await sent(body.id);
  await eventually('the echo', async () => {
    const [{ n }] = await stack.db.system((em) =>
      runSql<any>(em, 'select count(*)::int as n from provider_keys where target_id = ?', [body.id]),
    );
    return n > 2;
  });
  expect(await times('The menu')).toBe(1);
  const { body: all } = await stack.provider('GET', `/messages?account_id=${upstream}&limit=10`);
  const [taken] = all.items.find((one: any) => one.text === 'The menu').attachments;
  expect(taken).toMatchObject({ type: 'file', file_name: 'menu.pdf', mimetype: 'application/pdf', file_size: 8 });
  const { body: shown } = await stack.api.get(`/api/v1/messages/${body.id}`);
  expect(shown.attachments).toEqual([expect.objectContaining(file)]);
});

describe('F4: message actions where the channel has them', () => {
  const settled = (what: string, id: string): Promise<any> =>
    eventually(what, async () => {
      const { body } = await stack.api.get(`/api/v1/messages/${id}`);
      return body.provider_message_id && body;
    });

  it('UniPile: a reply goes out as one; what its API lacks is one clear problem, and changes nothing', async () => {
    await stack.control.post('/messages', { account_id: upstream, from: '+33639980777', text: 'Which day?' });
    const asked = await eventually('the question', async () => {
      const { body } = await stack.api.get(`/api/v1/messages?account=${account}&limit=100`);
      return body.items.find((one: any) => one.text === 'Which day?');
    });
    const path = `/api/v1/conversations/${asked.conversation}`;
    const reply = await stack.api.post(`${path}/messages`, { text: 'Thursday', reply_to: asked.id });
    expect(reply.status).toBe(202);
    await sent(reply.body.id);
    const { body: theirs } = await stack.provider('GET', `/messages?account_id=${upstream}&limit=100`);
    const answer = theirs.items.find((one: any) => one.text === 'Thursday');
    expect(answer.quoted).toMatchObject({ text: 'Which day?' });
    const refused = [
      await stack.api.patch(`/api/v1/messages/${reply.body.id}`, { text: 'Friday' }),
      await stack.api.delete(`/api/v1/messages/${reply.body.id}`),
      await stack.api.post(`/api/v1/messages/${reply.body.id}/reactions`, { emoji: '👍' }),
      await stack.api.post(`${path}/typing`, {}),
    ];
    for (const { status, body } of refused) expect([status, body.code]).toEqual([422, 'unsupported']);
    expect((await stack.api.get(`/api/v1/messages/${reply.body.id}`)).body).toMatchObject({
      text: 'Thursday',
      edited_at: null,
      deleted_at: null,
      reactions: [],
    });
  });

  it('WASender: a message is edited and deleted, and typing shows', async () => {
    const { id: account, session } = await wasenderAccount(stack, stack.api, { size: 0, seed: 'actions' });
    const body = { account, recipients: ['+33639980777'], text: 'At nine' };
    const { id, conversation } = (await stack.api.post('/api/v1/messages', body)).body;
    await settled('the message', id);
    const theirs = async (): Promise<any> =>
      (await stack.control.get(`/conversations?session=${session}`))[0].messages.at(-1);
    expect(await theirs()).toMatchObject({ text: 'At nine', edited: false, deleted: false });
    const edited = await stack.api.patch(`/api/v1/messages/${id}`, { text: 'At ten' });
    expect(edited).toMatchObject({ status: 200, body: { text: 'At ten', edited_at: expect.any(String) } });
    expect(await theirs()).toMatchObject({ text: 'At ten', edited: true });
    const typing = await stack.api.post(`/api/v1/conversations/${conversation}/typing`, { activity: 'recording' });
    expect(typing).toMatchObject({ status: 200, body: { shown: true } });
    const deleted = await stack.api.delete(`/api/v1/messages/${id}`);
    expect(deleted).toMatchObject({ status: 200, body: { text: null, deleted_at: expect.any(String) } });
    expect(await theirs()).toMatchObject({ deleted: true });
    const react = await stack.api.post(`/api/v1/messages/${id}/reactions`, { emoji: '👍' });
    expect([react.status, react.body.code]).toEqual([422, 'unsupported']);
  });
});
