import { unipile } from '../../../providers/unipile/index.ts';
import { startReceiver, startTestSandbox, type Receiver, type TestSandbox } from '../../sandbox/test-sandbox.ts';
import { callTo, failureOf, inputFor, startPeer } from './peer.ts';
import { shownProof } from '../../../services/webhooks/proof.ts';

const { account, login, webhooks } = unipile;
const address = 'https://patchbay.example/webhooks/unipile/token';
let world: TestSandbox;
beforeAll(async () => {
  world = await startTestSandbox();
});
beforeEach(() => world.control('POST', '/reset'));
afterAll(() => world?.close());

const call = () => callTo(world.unipileUrl);
const list = async (): Promise<any[]> => (await world.unipile('GET', '/webhooks?limit=250')).body.items;
const fault = (rule: object = {}) => world.control('PUT', '/faults', { provider: 'unipile', ...rule });
const count = async (method: string, route: string): Promise<number> => {
  const calls: { method: string; route: string; count: number }[] = (await world.control('GET', '/calls')).body;
  return calls.find((one) => one.method === method && one.route === `/api/v1${route}`)?.count ?? 0;
};

describe('registration of webhooks', () => {
  it('is made once for each source, with the secret, and told by its ids', async () => {
    const ids = await account.registerWebhooks(call(), address, 'secret-1');
    const found = await list();
    expect(found.map((one) => one.id)).toEqual(ids);
    expect(found.map((one) => one.source)).toEqual(['account_status', 'messaging']);
    const changes = ['message_edited', 'message_deleted', 'message_delivered'];
    expect(found[1].events).toEqual(['message_received', 'message_read', 'message_reaction', ...changes]);
    for (const one of found)
      expect(one).toMatchObject({
        request_url: address,
        enabled: true,
        format: 'json',
        account_ids: [],
        headers: [
          { key: 'patchbay-webhook-secret', value: 'secret-1' },
          { key: 'Content-Type', value: 'application/json' },
        ],
      });
  });

  it('is kept as it is when asked for again', async () => {
    const first = await account.registerWebhooks(call(), address, 'secret-1');
    expect(await account.registerWebhooks(call(), address, 'secret-1')).toEqual(first);
    expect(await count('POST', '/webhooks')).toBe(2);
    expect(await count('DELETE', '/webhooks/:id')).toBe(0);
  });

  it('is made anew, and only then deleted, when the secret changes', async () => {
    const first = await account.registerWebhooks(call(), address, 'secret-1');
    await fault({ route: 'POST /api/v1/webhooks', rate_500: 1 });
    await failureOf(account.registerWebhooks(call(), address, 'secret-2'));
    expect((await list()).map((one) => one.id)).toEqual(first);
    await fault({ route: 'POST /api/v1/webhooks' });

    const second = await account.registerWebhooks(call(), address, 'secret-2');
    expect(second).not.toEqual(first);
    const found = await list();
    expect(found.map((one) => one.id)).toEqual(second);
    expect(JSON.stringify(found)).not.toContain('secret-1');
  });

  it.each([
    ['switched off', { enabled: false }],
    ['of one account', { account_ids: ['other'] }],
    ['short of events', { events: ['message_received'] }],
    ['a form', { format: 'form' }],
    ['without our header', { headers: [] }],
  ])('replaces one that is %s', async (_what, change) => {
    const [, messaging] = await account.registerWebhooks(call(), address, 'secret-1');
    const right = (await list()).find((one) => one.id === messaging);
    await world.unipile('DELETE', `/webhooks/${messaging}`);
    if ('account_ids' in change) change.account_ids = [await world.whatsapp()];
    const { name, source, request_url, format, headers, events } = right;
    await world.unipile('POST', '/webhooks', { name, source, request_url, format, headers, events, ...change });
    await account.registerWebhooks(call(), address, 'secret-1');
    const found = (await list()).map(({ id: _id, ...one }) => one);
    const { id: _id, ...wanted } = right;
    expect(found).toHaveLength(2);
    expect(found).toContainEqual(wanted);
  });

  it('leaves those of other products alone, on whatever page of the list they stand', async () => {
    const others: string[] = [];
    for (let n = 0; n < 260; n += 1) {
      const request_url = n % 2 ? `https://other.example/${n}` : `${address}/${n}`;
      others.push((await world.unipile('POST', '/webhooks', { request_url, source: 'messaging' })).body.webhook_id);
    }
    const first = await account.registerWebhooks(call(), address, 'secret-1');
    const second = await account.registerWebhooks(call(), address, 'secret-2');
    expect(second).not.toEqual(first);
    const { cursor } = (await world.unipile('GET', '/webhooks?limit=250')).body;
    const rest = (await world.unipile('GET', `/webhooks?cursor=${encodeURIComponent(cursor)}`)).body.items;
    const all = [...(await list()), ...rest].map((one) => one.id);
    expect(new Set(all)).toEqual(new Set([...others, ...second]));
  });

  it('ends with one for each source after a try whose answer was lost', async () => {
    await fault({ route: 'POST /api/v1/webhooks', after_effect: 1, times: 1 });
    await failureOf(account.registerWebhooks(call(), address, 'secret-1'));
    const ids = await account.registerWebhooks(call(), address, 'secret-1');
    expect((await list()).map((one) => one.id)).toEqual(ids);
  });

  it('is not hindered by one that somebody else deletes meanwhile, or that two make at once', async () => {
    await account.registerWebhooks(call(), address, 'secret-1');
    await Promise.all([1, 2, 3].map(() => account.registerWebhooks(call(), address, 'secret-2').catch(() => null)));
    const ids = await account.registerWebhooks(call(), address, 'secret-2');
    expect((await list()).map((one) => one.id)).toEqual(ids);
  });

  it('is of fewer events where UniPile refuses the later ones, and is kept so', async () => {
    const peer = await startPeer();
    const hooks: any[] = [];
    peer.answer = (response, { method }, body) => {
      const isRefused = method === 'POST' && body.events?.includes('message_edited');
      if (method === 'POST' && !isRefused) hooks.push({ id: `w${hooks.length}`, ...body });
      response.writeHead(isRefused ? 400 : 200, { 'content-type': 'application/json' });
      const refusal = { type: 'errors/invalid_parameters', title: 'Invalid parameters', status: 400 };
      const answer = method === 'GET' ? { items: hooks, cursor: null } : { webhook_id: hooks.at(-1)?.id };
      response.end(JSON.stringify(isRefused ? refusal : answer));
    };
    for (let n = 0; n < 2; n += 1)
      expect(await account.registerWebhooks(callTo(peer.dsn), address, 'secret-1')).toEqual(['w0', 'w1']);
    peer.close();
    expect(hooks[1].events).toEqual(['message_received', 'message_read', 'message_reaction']);
  });

  it('is not believed when it is not listed afterwards', async () => {
    const peer = await startPeer();
    peer.answer = (response, { method }) => {
      response.writeHead(method === 'GET' ? 200 : 201, { 'content-type': 'application/json' });
      response.end(JSON.stringify(method === 'GET' ? { items: [], cursor: null } : { webhook_id: 'w' }));
    };
    const failure = await failureOf(account.registerWebhooks(callTo(peer.dsn), address, 'secret-1'));
    peer.close();
    expect(failure.code).toBe('provider_unavailable');
  });
});

describe('P6: what the sandbox delivers to a registration', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
    await account.registerWebhooks(call(), receiver.url, 'secret-1');
  });
  afterEach(() => receiver.close());

  const events = (one: { headers: Record<string, any>; text: string }) => {
    const request = { raw: Buffer.from(one.text), headers: one.headers };
    expect(shownProof(webhooks, request.headers)).toBe('secret-1');
    return webhooks.read(request).events ?? [];
  };

  it.each(['wrapped', 'flat'])('C2: are the states of an account, %s', async (value) => {
    await world.control('PUT', '/variants', { provider: 'unipile', name: 'account_status_shape', value });
    const begun = await login.begin(callTo(world.unipileUrl, { providerAccountId: null }), inputFor('linkedin', 'ada'));
    const id = begun.providerAccountId ?? '';
    for (const status of ['CONNECTING', 'CREDENTIALS', 'ERROR', 'STOPPED', 'PERMISSIONS', 'DELETED'])
      await world.control('POST', '/drop', { account_id: id, status });
    const read = (await receiver.until(9)).flatMap(events);
    expect(read.map((one) => one.kind === 'account_status' && one.status)).toEqual([
      'created',
      'linked',
      'synced',
      'degraded',
      'login_lost',
      'needs_restart',
      'needs_restart',
      'login_lost',
      'deleted',
    ]);
    expect(new Set(read.map((one) => one.providerAccountId))).toEqual(new Set([id]));
  });

  it('C1: are messages, receipts and reactions, each an event of its own, a repeat being the same', async () => {
    const account_id = await world.whatsapp();
    await fault({ webhook_duplicate: 1 });
    const sent = await world.control('POST', '/messages', { account_id, from: '+33639980002', text: 'Hello' });
    const own = await world.control('POST', '/messages', {
      account_id,
      chat: sent.body.chat_id,
      from: 'me',
      text: 'Hi',
    });
    const message_id = own.body.messages[0].message_id;
    await world.control('POST', '/receipts', { account_id, message_id, status: 'read' });
    for (const value of ['+1', '-1'])
      await world.control('POST', '/reactions', { account_id, message_id, from: '+33639980002', value });
    const told = await receiver.until(10, ({ body }) => 'event' in body);
    const read = told.flatMap(events);
    expect(new Set(read.map((one) => one.providerAccountId))).toEqual(new Set([account_id]));
    expect(new Set(read.map((one) => one.dedupeKey)).size).toBe(5);
  });
});
