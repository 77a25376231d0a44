import { eventually } from '../support/eventually.ts';
import { connectMeta, messageThat, messageWith, personOf, type MetaChannel } from '../support/meta.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { everyPage } from '../support/wasender-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterEach(() => stack.control.put('/faults', { provider: 'meta' }));
afterAll(() => stack?.stop());

const variant = (name: string, value: unknown) => stack.control.put('/variants', { provider: 'meta', name, value });
let people = 0;
const newPerson = (): string => `55500000${String((people += 1)).padStart(8, '0')}`;

describe.each(['messenger', 'instagram'] as const)('D5: %s', (channel: MetaChannel) => {
  let account: any;
  let upstream: string;
  beforeAll(async () => {
    account = await connectMeta(stack.api, channel, personOf('plain'));
    upstream = account.provider_account_id;
  });
  const receive = (from: string, more: object) =>
    stack.control.post('/messages', { account_id: upstream, from, ...more });

  it('reads the history that there is, page by page, with the names of the people', async () => {
    await stack.control.put('/address-book', { account_id: upstream, size: 30, seed: channel });
    await variant('page_size', 4);
    const { body: run } = await stack.api.post(`/api/v1/accounts/${account.id}/syncs?wait=20`, {
      kind: 'conversations',
    });
    const done = await eventually('the sync', async () => {
      const { body } = await stack.api.get(`/api/v1/syncs/${run.id}`);
      return body.state !== 'running' ? body : null;
    });
    expect(done.state).toBe('succeeded');
    await variant('page_size', 25);
    const conversations = await everyPage(stack.api, `/api/v1/conversations?account=${account.id}`);
    expect(conversations.length).toBeGreaterThanOrEqual(30);
    expect(conversations.every(({ name }) => typeof name === 'string' && name !== '')).toBe(true);
    const messages = await everyPage(stack.api, `/api/v1/messages?account=${account.id}`);
    expect(messages.length).toBeGreaterThan(30);
    // Only the 20 newest of a conversation can be read; the older ones are no deletions.
    expect(messages.filter(({ deleted_at: at }) => at !== null)).toEqual([]);
  });

  it('takes a message in with the profile of its sender, and answers it once', async () => {
    const from = newPerson();
    await receive(from, { name: 'Naledi', text: `Dumela ${channel}` });
    const message = await messageWith(stack.api, account.id, `Dumela ${channel}`);
    expect(message).toMatchObject({ direction: 'in' });
    const { body: conversation } = await stack.api.get(`/api/v1/conversations/${message.conversation}`);
    expect(conversation.window.is_open).toBe(true);
    await eventually('the name', async () => {
      const { body } = await stack.api.get(`/api/v1/conversations/${message.conversation}`);
      return body.name === 'Naledi';
    });
    const path = `/api/v1/conversations/${message.conversation}/messages`;
    const { body: answer } = await stack.api.post(path, { text: 'Dumela, rra' });
    const sent = await messageThat(stack.api, answer.id, 'sent');
    expect(sent.provider_message_id).toBeTruthy();
    // Its echo joins the row that was written here.
    const again = await everyPage(stack.api, `/api/v1/conversations/${message.conversation}/messages`);
    expect(again.filter(({ text }) => text === 'Dumela, rra')).toHaveLength(1);
    await stack.control.post('/receipts', {
      account_id: upstream,
      message_id: sent.provider_message_id,
      status: 'read',
    });
    await messageThat(stack.api, answer.id, 'read');
  });

  it('sends once where the answer is lost after Meta took the message', async () => {
    const from = newPerson();
    await receive(from, { text: `Before the loss ${channel}` });
    const { conversation } = await messageWith(stack.api, account.id, `Before the loss ${channel}`);
    await stack.control.put('/faults', { provider: 'meta', after_effect: 1, times: 1, route: 'POST /:node/messages' });
    const text = `Lost answer ${channel}`;
    const { body } = await stack.api.post(`/api/v1/conversations/${conversation}/messages`, { text });
    await messageThat(stack.api, body.id, 'sent');
    const chats = await stack.control.get(`/conversations?account_id=${upstream}`);
    const all = chats.flatMap((one: any) => one.messages);
    expect(all.filter((one: any) => one.text === text)).toHaveLength(1);
  });

  it('takes a picture in, and sends one', async () => {
    const from = newPerson();
    const attachments = [{ mimetype: 'image/png', file_name: 'cup.png', size: 1_024 }];
    await receive(from, { text: `My cup ${channel}`, attachments });
    const message = await messageWith(stack.api, account.id, `My cup ${channel}`);
    const [file] = message.attachments;
    expect(file.kind).toBe('image');
    const headers = { authorization: `Bearer ${stack.api.key}` };
    const bytes = await eventually('the file', async () => {
      const answer = await fetch(new URL(file.url, stack.api.url), { headers });
      const found = await answer.arrayBuffer();
      return answer.status === 200 ? found : null;
    });
    const form = new FormData();
    form.append('file', new Blob([bytes], { type: 'image/png' }), 'cup.png');
    const uploaded: any = await (
      await fetch(`${stack.api.url}/api/v1/media`, { method: 'POST', headers, body: form })
    ).json();
    const path = `/api/v1/conversations/${message.conversation}/messages`;
    const { body } = await stack.api.post(path, { attachments: [{ media_id: uploaded.id }] });
    expect((await messageThat(stack.api, body.id, 'sent')).attachments).toHaveLength(1);
  });

  it('marks a conversation as read', async () => {
    const from = newPerson();
    await receive(from, { text: `Read me ${channel}` });
    const { conversation } = await messageWith(stack.api, account.id, `Read me ${channel}`);
    await stack.api.patch(`/api/v1/conversations/${conversation}`, { read: true });
    await eventually('the mark', async () => {
      const { body } = await stack.api.get(`/api/v1/conversations/${conversation}`);
      return body.unread_count === 0 && body.changes.some((one: any) => one.field === 'read' && one.state === 'synced');
    });
  });

  it('shows the window before sending, and refuses a text after it at once', async () => {
    const from = newPerson();
    await receive(from, { text: `Long ago ${channel}` });
    const { conversation } = await messageWith(stack.api, account.id, `Long ago ${channel}`);
    await stack.control.post('/clock', { advance_seconds: 25 * 3_600 });
    expect((await stack.api.get(`/api/v1/conversations/${conversation}`)).body.window.is_open).toBe(false);
    const path = `/api/v1/conversations/${conversation}/messages`;
    const late = await stack.api.post(path, { text: 'Too late' });
    expect([late.status, late.body.code]).toEqual([409, 'window_closed']);
    const { status, body } = await stack.api.post(path, { text: 'By a person', tag: 'HUMAN_AGENT' });
    expect(status).toBe(202);
    await messageThat(stack.api, body.id, 'sent');
  });

  it('takes in reactions, edits and what is unsent', async () => {
    const from = newPerson();
    await receive(from, { text: `First ${channel}` });
    const message = await messageWith(stack.api, account.id, `First ${channel}`);
    const { provider_message_id: message_id } = message;
    await stack.control.post('/reactions', { account_id: upstream, message_id, value: '👍', from });
    await eventually('the reaction', async () => {
      const { body } = await stack.api.get(`/api/v1/messages/${message.id}`);
      return body.reactions.some(({ emoji }: any) => emoji === '👍');
    });
    await stack.control.post('/messages', { account_id: upstream, edit: message_id, text: `Second ${channel}` });
    await messageWith(stack.api, account.id, `Second ${channel}`);
    if (channel !== 'instagram') return;
    await stack.control.post('/messages', { account_id: upstream, delete: message_id });
    await eventually('the deletion', async () => {
      const { body } = await stack.api.get(`/api/v1/messages/${message.id}`);
      return body.deleted_at !== null && body.text === null;
    });
  });
});
