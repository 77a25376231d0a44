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
        const found = (await peopleIn(id)).map((one) => one.phone_number).toSorted();
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
