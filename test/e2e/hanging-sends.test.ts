import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  // Less than the sandbox lets a call hang: Patchbay itself ends it.
  stack = await startTestStack({ SEND_TIMEOUT_SECONDS: '5' });
});
afterAll(() => stack?.stop());

const inConversation = { unipile: 'POST /api/v1/chats/:id/messages', wasender: 'POST /api/send-message' } as const;
type Provider = keyof typeof inConversation;

/** An account, and how the sandbox's control names it. */
async function connect(provider: Provider): Promise<{ id: string; ref: Record<string, string> }> {
  const phone = provider === 'unipile' ? '33639980661' : '33639980662';
  const credentials = provider === 'wasender' ? { credentials: { phone_number: `+${phone}` } } : {};
  const body = { provider, channel: 'whatsapp', owner: 'maya', ...credentials };
  const { id } = (await stack.api.post('/api/v1/accounts', body)).body.account;
  const upstream: string = await eventually(
    'the login to begin',
    async () => (await stack.api.get(`/api/v1/accounts/${id}`)).body.provider_account_id,
  );
  const ref: Record<string, string> = provider === 'unipile' ? { account_id: upstream } : { session: upstream };
  await stack.control.put('/address-book', { ...ref, size: 0, seed: 'nobody' });
  await stack.control.post('/scan', { ...ref, ...(provider === 'unipile' && { phone }) });
  await stack.api.account(id, 'active');
  return { id, ref };
}

async function send(account: string, text: string, person: string): Promise<string> {
  const { status, body } = await stack.api.post('/api/v1/messages', { account, recipients: [person], text });
  expect(status).toBe(202);
  return body.id;
}

const sendOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/messages/${id}`)).body.send;

/** Lets time go on until all of them have ended. */
const ended = (ids: readonly string[]): Promise<unknown> =>
  eventually('the messages to be sent', async () => {
    await stack.control.post('/clock', { advance_seconds: 10 });
    const sends = await Promise.all(ids.map(sendOf));
    return sends.every(({ state }) => state === 'sent');
  });

/** The own texts of an account at its provider. */
async function written(ref: Record<string, string>): Promise<string[]> {
  const conversations: any[] = await stack.control.get(`/conversations?${new URLSearchParams(ref).toString()}`);
  return conversations.flatMap(({ messages }) =>
    messages.filter(({ from }: any) => from === null).map(({ text }: any) => text as string),
  );
}

it.each(Object.keys(inConversation) as Provider[])(
  "sends once where %s's call hangs until our time-out, whether the provider took the message or not",
  async (provider) => {
    const { id, ref } = await connect(provider);
    const people = { taken: '+33639980771', 'not taken': '+33639980772' };
    await ended(await Promise.all(Object.values(people).map((person) => send(id, `Hello ${person}`, person))));
    const route = inConversation[provider];
    const [method = '', path = ''] = route.split(' ');
    const before = await stack.control.count(method, path);
    const hang = async (text: keyof typeof people, fault: object): Promise<string> => {
      await stack.control.put('/faults', { provider, route, timeout: 1, times: 1, ...fault });
      const message = await send(id, text, people[text]);
      await eventually('the call', async () => !(await stack.control.get('/faults')).length);
      return message;
    };
    const messages = [await hang('taken', { after_effect: 1 }), await hang('not taken', {})];
    await ended(messages);
    expect((await written(ref)).filter((text) => text in people).toSorted()).toEqual(['not taken', 'taken']);
    // One call for what was taken, two for what was not.
    expect((await stack.control.count(method, path)) - before).toBe(3);
    expect((await Promise.all(messages.map(sendOf))).map(({ tries }) => tries)).toEqual([1, 2]);
  },
);
