import { idPlaces, type Ids } from '../api/fixture.ts';
import { rightAsk, send } from '../api/ask.ts';
import { readDocument, type Operation } from '../api/openapi.ts';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const get = async (path: string): Promise<any> => {
  const { status, body } = await stack.api.get(`/api/v1${path}`);
  expect({ path, status }).toEqual({ path, status: 200 });
  return body;
};

/** An account whose history and address book are here, with one of each that it has. */
async function synced(): Promise<Partial<Ids>> {
  const body = { provider: 'unipile', channel: 'whatsapp', owner: 'maya' };
  const { id: account } = (await stack.api.post('/api/v1/accounts', body)).body.account;
  const upstream = await upstreamOf(stack.api, account);
  await stack.control.put('/address-book', { account_id: upstream, size: 8, seed: 'reader' });
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(account, 'active');
  const runs = await eventually('the first syncs', async () => {
    const { items } = await get(`/accounts/${account}/syncs`);
    const kinds = items.filter(({ state }: any) => state === 'succeeded').map(({ kind }: any) => kind);
    return kinds.includes('conversations') ? items : null;
  });
  const [conversation] = (await get('/conversations')).items;
  const [message] = (await get(`/conversations/${conversation.id}/messages`)).items;
  const [attendee] = (await get('/attendees')).items;
  return {
    account,
    sync: runs[0].id,
    conversation: conversation.id,
    message: message.id,
    attendee: attendee.id,
  };
}

/** Everything that was read of conversations, page by page. */
async function everything(): Promise<unknown[]> {
  const { items } = await get('/conversations?limit=100');
  const threads = await Promise.all(items.map(({ id }: any) => get(`/conversations/${id}/messages?limit=100`)));
  const word = threads.flatMap(({ items: found }) => found).find(({ text }) => /\w{4}/.test(text ?? ''));
  const asked = /\w{4,}/.exec(word.text)?.[0] ?? '';
  const search = (await get(`/search?q=${asked}&in=messages`)).items.map(({ message }: any) => message.id);
  return [items, threads, search, await get('/attendees?limit=100'), await get('/conversations/counts')];
}

it('C3: a reader with the network to providers cut sees everything synced before', async () => {
  const ids = await synced();
  // What runs by the clock would write between the two readings.
  await stack.worker.stop();
  stack.worker = { ...stack.worker, stop: () => Promise.resolve() };
  const { operations } = await readDocument({ url: stack.config.PUBLIC_URL ?? '' });
  // A picture or file that is not here yet is fetched when it is asked for.
  const fetches = /\/(picture|content)\/?$/;
  const isKnown = (one: Operation): boolean =>
    idPlaces(one).every(({ kind, in: where }) => where === 'query' || kind in ids);
  const reading = operations.filter(
    (one) => one.method === 'GET' && !one.open && !fetches.test(one.path) && isKnown(one),
  );
  expect(reading.length).toBeGreaterThan(30);
  const statusOf = async (one: Operation): Promise<string> => {
    const ask = rightAsk(one, ids as Ids, stack.api.key);
    const known = Object.entries(ask.query).filter(([, value]) => value !== 'undefined' && value !== 'text');
    const { status } = await send(stack.config.PUBLIC_URL ?? '', one, { ...ask, query: Object.fromEntries(known) });
    return `${one.name}: ${status}`;
  };
  const before = { read: await everything(), statuses: await Promise.all(reading.map(statusOf)) };
  expect(before.statuses.filter((text) => text.endsWith(': 200')).length).toBeGreaterThan(30);
  await stack.cutOff();
  expect(await everything()).toEqual(before.read);
  expect(await Promise.all(reading.map(statusOf))).toEqual(before.statuses);
});
