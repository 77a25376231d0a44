import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { wasenderAccount } from '../support/wasender-account.ts';

const [bo, cy] = ['+33639980302', '+33639980303'];
let stack: TestStack;
let account: { id: string; session: string };
beforeAll(async () => {
  stack = await startTestStack();
  account = await wasenderAccount(stack, stack.api, { size: 3, seed: 'chats' });
}, 120_000);
afterAll(() => stack?.stop());

const get = async (path: string): Promise<any> => {
  const { status, body } = await stack.api.get(`/api/v1${path}`);
  expect({ path, status }).toEqual({ path, status: 200 });
  return body;
};
const phone = (method: 'post' | 'patch', path: string, body: object): Promise<any> =>
  stack.control[method](path, { session: account.session, ...body });
/** Events of the phone count seconds: the next one is later. */
const later = (): Promise<unknown> => stack.control.post('/clock', { advance_seconds: 5 });
const conversationOf = (text: string): Promise<any> =>
  eventually(`the conversation of ${text}`, async () => {
    const { items } = await get(`/conversations?account=${account.id}`);
    return items.find(({ last_message }: any) => last_message?.text === text);
  });

describe('B13: members of a group', () => {
  const peopleIn = async (id: string): Promise<any[]> => (await get(`/attendees?conversation=${id}`)).items;

  it('leave and join by webhook, and what one wrote before stays theirs', async () => {
    const { chat_id: chat } = await phone('post', '/groups', { name: 'Hikers', members: [bo, cy] });
    await phone('post', '/messages', { chat, from: bo, text: 'Who comes?' });
    const { id } = await conversationOf('Who comes?');
    const members = (...expected: string[]): Promise<unknown> =>
      eventually(`the members ${expected.join(', ')}`, async () => {
        const found = (await peopleIn(id)).map((one): string => one.phone_number).toSorted();
        return found.filter((one) => [bo, cy].includes(one)).join() === expected.join();
      });
    await members(bo, cy);
    const sender = (await peopleIn(id)).find((one) => one.phone_number === bo)?.id;
    await later();
    await phone('patch', '/groups', { chat, remove: [bo] });
    await members(cy);
    const { items } = await get(`/conversations/${id}/messages`);
    expect(items).toMatchObject([{ text: 'Who comes?', sender: { id: sender } }]);
    await later();
    await phone('patch', '/groups', { chat, add: [bo] });
    await members(bo, cy);
  });
});

describe('B13: what the phone changes of a chat', () => {
  let id: string;
  const state = async (): Promise<any> => get(`/conversations/${id}`);
  const becomes = (expected: object): Promise<unknown> =>
    eventually(`the conversation ${JSON.stringify(expected)}`, async () => {
      const found = await state();
      return Object.entries(expected).every(([name, value]) => found[name] === value);
    });
  const write = (text: string): Promise<any> => phone('post', '/messages', { from: bo, text });

  it('is here by webhook: archived, pinned, muted, read, marked as unread', async () => {
    await write('Hello');
    ({ id } = await conversationOf('Hello'));
    expect(await state()).toMatchObject({ unread_count: 1, archived: false, pinned: false, muted: false });
    await later();
    const muted = '2031-01-01T00:00:00.000Z';
    await phone('patch', '/chats', { chat: bo, archived: true, pinned: true, muted, read: true });
    await becomes({ archived: true, pinned: true, muted: true, muted_until: muted, unread_count: 0 });
    await later();
    await write('Are you there?');
    await becomes({ unread_count: 1, marked_unread: false });
    await later();
    await phone('patch', '/chats', { chat: bo, archived: false, muted: true, read: false });
    await becomes({ archived: false, pinned: true, muted: true, muted_until: null, marked_unread: true });
    await later();
    await phone('patch', '/chats', { chat: bo, muted: false, read: true });
    await becomes({ muted: false, unread_count: 0, marked_unread: false });
  });

  it('is not taken away by a chat that the phone deletes', async () => {
    await phone('patch', '/chats', { chat: bo, deleted: true });
    await eventually('the event', async () =>
      (await get(`/webhook-events?account=${account.id}&limit=50`)).items.some(
        ({ type }: any) => type === 'chats.delete',
      ),
    );
    expect(await state()).toMatchObject({ last_message: { text: 'Are you there?' }, pinned: true });
  });
});
