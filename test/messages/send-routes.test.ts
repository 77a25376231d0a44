import { runSql } from '../support/run-sql.ts';
import { connect } from '../api/support.ts';
import { startSending, type Sending } from './sending.ts';

let sending: Sending;
let account: { id: string; tenantId: string };
/** A message that was sent, and its conversation. */
let sent: { id: string; conversation: string };
beforeAll(async () => {
  sending = await startSending();
  account = await sending.account();
  sent = await sending.send(account.id, 'Hello');
  await sending.drain(account);
});
afterAll(() => sending?.stop());

const { stringify } = JSON;
const sql = (text: string, params: unknown[] = []): Promise<any[]> =>
  sending.context.db.system((em) => runSql<any>(em, text, params));
const messages = async (): Promise<number> => (await sql('select count(*)::int as n from messages'))[0].n;
const inConversation = (body: object): Promise<any> =>
  sending.api.client.post(`/api/v1/conversations/${sent.conversation}/messages`, body);
const unknown = '01900000-0000-7000-8000-000000000000';

it('C4: sends in a conversation, and answers 202 with the message and where to watch it', async () => {
  const answer = await inConversation({ text: 'In the conversation', reply_to: sent.id });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/api/v1/messages/${answer.body.id}`);
  expect(answer.body).toMatchObject({ conversation: sent.conversation, status: 'queued' });
  await sending.drain(account);
  expect(await sending.message(answer.body.id)).toMatchObject({ status: 'sent' });
});

it('C4: answers the documented paths as documented', async () => {
  const { client } = sending.api;
  const one = await client.post(`/api/v1/communications/whatsapp/chats/${sent.conversation}/send/`, {
    text: 'By the alias',
  });
  expect(one).toMatchObject({ status: 202, body: { status: 'queued', text: 'By the alias' } });
  const body = { content: 'Hello', recipients: ['+33639980001'], accountId: account.id, platform: 'whatsapp' };
  const two = await client.post('/api/unipile/message', body);
  expect(two).toMatchObject({ status: 200, body: { success: true, messageId: expect.any(String) } });
  const none = await client.post('/api/unipile/message', { ...body, content: '' });
  expect(none).toMatchObject({ status: 400, body: { error: expect.any(String) } });
});

it('writes one message for an Idempotency-Key', async () => {
  const before = await messages();
  const body = { account: account.id, recipients: ['+33639980001'], text: 'Once' };
  const twice = await Promise.all(
    [1, 2].map(() => sending.api.client.post('/api/v1/messages', body, { 'idempotency-key': 'once' })),
  );
  expect(twice.map(({ status }) => status)).toEqual([202, 202]);
  expect(twice[0]?.body.id).toBe(twice[1]?.body.id);
  expect(await messages()).toBe(before + 1);
});

describe('answers bad input by one clear problem, and writes nothing', () => {
  it.each([
    ['an empty message', { text: ' ' }, 422, 'invalid_request'],
    ['70,000 characters', { text: 'x'.repeat(70_000) }, 422, 'invalid_request'],
    ['an unknown reply target', { text: 'a', reply_to: unknown }, 422, 'invalid_request'],
    ['a time in the past', { text: 'a', send_at: '2020-01-01T00:00:00Z' }, 422, 'invalid_request'],
    ['a time in ten years', { text: 'a', send_at: '2046-01-01T00:00:00Z' }, 422, 'invalid_request'],
    [
      'a kind of file that is refused',
      { attachments: [{ kind: 'video', url: 'https://a.example/a' }] },
      422,
      'invalid_request',
    ],
    ['an address that is none', { attachments: [{ kind: 'image', url: 'ftp://a.example/a' }] }, 422, 'invalid_request'],
    ['an address inside', { attachments: [{ kind: 'image', url: 'http://127.0.0.1/a' }] }, 422, 'invalid_request'],
    ['a file without an address', { attachments: [{ kind: 'image' }] }, 422, 'invalid_request'],
    ['an unknown field', { text: 'a', colour: 'red' }, 422, 'invalid_request'],
  ])('%s', async (_, body, status, code) => {
    const before = await messages();
    const answer = await inConversation(body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(stringify(answer.body)).not.toContain('x'.repeat(100));
    expect(await messages()).toBe(before);
  });

  it.each([
    ['no account', { account: unknown, recipients: ['+33639980001'] }, 404, 'not_found'],
    ['a recipient that is none', { recipients: ['nobody'] }, 422, 'invalid_request'],
    ['no recipients', { recipients: [] }, 422, 'invalid_request'],
  ])('%s', async (_, more, status, code) => {
    const before = await sql('select count(*)::int as n from conversations');
    const answer = await sending.api.client.post('/api/v1/messages', { account: account.id, text: 'a', ...more });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await sql('select count(*)::int as n from conversations')).toEqual(before);
  });

  it('a reply to a message of another conversation', async () => {
    const elsewhere = await sending.send(account.id, 'Elsewhere', { recipients: ['+33639980009'] });
    await sending.drain(account);
    const before = await messages();
    const answer = await inConversation({ text: 'a', reply_to: elsewhere.id });
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid_request']);
    expect(answer.body.detail).toContain('reply_to');
    expect(await messages()).toBe(before);
  });

  it('an account that cannot send: its channel has no messages, it was never connected, or is no longer', async () => {
    const { client } = sending.api;
    const imap = { imap_host: 'imap.b.example', imap_port: 993, imap_user: 'a@b.example', imap_password: 'p' };
    const smtp = { smtp_host: 'smtp.b.example', smtp_port: 465, smtp_user: 'a@b.example', smtp_password: 'p' };
    const mail = { provider: 'unipile', channel: 'mail', owner: 'maya', credentials: { ...imap, ...smtp } };
    const phone = { phone_number: '+33639989999' };
    const unlinked = { provider: 'wasender', channel: 'whatsapp', owner: 'maya', credentials: phone };
    const before = await messages();
    const codes = [];
    for (const [body, to] of [
      [mail, 'bo@b.example'],
      [unlinked, '+33639980001'],
    ] as const) {
      const { account: one } = await connect(client, body);
      const answer = await client.post('/api/v1/messages', { account: one.id, recipients: [to], text: 'a' });
      codes.push([answer.status, answer.body.code]);
    }
    const { id: past } = await sending.account();
    await sql("update accounts set state = 'disconnected', provider_account_id = null where id = ?", [past]);
    const body = { account: past, recipients: ['+33639980001'], text: 'a' };
    const answer = await client.post('/api/v1/messages', body);
    codes.push([answer.status, answer.body.code]);
    expect(codes).toEqual([
      [422, 'unsupported'],
      [409, 'account_not_connected'],
      [409, 'account_not_connected'],
    ]);
    expect(await messages()).toBe(before);
  });

  it('a conversation that is unknown, of another tenant, or read-only', async () => {
    const { client, clientOf } = sending.api;
    expect((await client.post(`/api/v1/conversations/${unknown}/messages`, { text: 'a' })).status).toBe(404);
    const other = await clientOf('theirs');
    expect((await other.post(`/api/v1/conversations/${sent.conversation}/messages`, { text: 'a' })).status).toBe(404);
    expect((await other.post(`/api/v1/messages/${sent.id}/retry`)).status).toBe(404);
    expect((await other.post(`/api/v1/messages/${sent.id}/cancel`)).status).toBe(404);
    await sql('update conversations set read_only = true where id = ?', [sent.conversation]);
    const before = await messages();
    const answer = await inConversation({ text: 'a' });
    expect(await messages()).toBe(before);
    expect([answer.status, answer.body.code]).toEqual([409, 'conversation_read_only']);
    await sql('update conversations set read_only = false where id = ?', [sent.conversation]);
  });
});

describe('F4: message actions where the channel has them', () => {
  it('edits an own message, and deletes it', async () => {
    const { client } = sending.api;
    const key = (await sending.message(sent.id)).provider_message_id;
    const edited = await client.patch(`/api/v1/messages/${sent.id}`, { text: 'Hello again' });
    expect(edited).toMatchObject({ status: 200, body: { text: 'Hello again', edited_at: expect.any(String) } });
    const deleted = await client.delete(`/api/v1/messages/${sent.id}`);
    expect(deleted).toMatchObject({ status: 200, body: { text: null, deleted_at: expect.any(String) } });
    expect(sending.upstream.changes).toEqual([`edit ${key}: Hello again`, `remove ${key}`]);
  });

  it('says clearly what a channel lacks', async () => {
    const { client } = sending.api;
    const react = await client.post(`/api/v1/messages/${sent.id}/reactions`, { emoji: '👍' });
    const typing = await client.post(`/api/v1/conversations/${sent.conversation}/typing`);
    for (const { status, body } of [react, typing]) expect([status, body.code]).toEqual([422, 'unsupported']);
  });
});
