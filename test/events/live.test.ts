import { startApi } from '../../api/start.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { postWebhook } from '../api/fixture.ts';
import { activate, connect, createStandIn, startTestApi, unique, type TestApi } from '../api/support.ts';
import { liveReaders, openSocket, Refused, type LiveReader, type OpenLive, type Told } from './live-readers.ts';
import { settled } from './settled.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ SOCKET_HEARTBEAT_SECONDS: '0.3', SOCKET_PATIENCE_SECONDS: '2' });
});
afterAll(() => api?.stop());

const system = <T>(statement: string, params: readonly unknown[] = []): Promise<T[]> =>
  api.context.db.system((em) => runSql<T>(em, statement, params));

async function now(client: ApiClient): Promise<string> {
  await settled(api);
  return (await client.get('/api/v1/events?after=now')).body.next;
}

/** A tenant with an account, and readers of it. */
async function tenantWith(open: OpenLive) {
  const client = await api.clientOf(unique());
  const { account } = await connect(client);
  const [{ tenant_id: tenant } = { tenant_id: '' }] = await system<{ tenant_id: string }>(
    'select tenant_id from accounts where id = ?',
    [account.id],
  );
  return {
    client,
    tenant,
    account: account.id as string,
    /** Changes the account's label: one event. */
    change: (label = unique()) => system('update accounts set label = ? where id = ?', [label, account.id]),
    read: (query: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<LiveReader> =>
      open({ url: client.url, key: client.key, query, headers }),
  };
}

const idsOf = (events: readonly Told[]): string[] => events.map(({ id }) => id);
const listed = async (client: ApiClient, after: string): Promise<Told[]> => {
  await settled(api);
  return (await client.get(`/api/v1/events?after=${after}&limit=200`)).body.items;
};
const hasEvents =
  (n: number) =>
  (got: readonly Told[]): boolean =>
    got.filter(({ type }) => type.includes('.')).length >= n;
const hasType =
  (wanted: string) =>
  (got: readonly Told[]): boolean =>
    got.some(({ type }) => type === wanted);

const dropped = async (reason: string): Promise<number> => {
  const { values } = await api.context.metrics.feedReadersDropped.get();
  return values.filter(({ labels }) => labels.reason === reason).reduce((sum, { value }) => sum + value, 0);
};

describe.each(liveReaders)('%s', (name, open) => {
  const isSocket = name === 'a socket';

  it('has what was and what comes, as the feed lists it', async () => {
    const { client, change, read } = await tenantWith(open);
    const start = await now(client);
    await change();
    const live = await read({ after: start });
    await live.until(hasEvents(1));
    await change();
    await live.until(hasEvents(2));
    expect(live.events()).toEqual(await listed(client, start));
    live.stop();
  });

  it('goes on after the event that it had last, named in the header or in the address', async () => {
    const { client, change, read } = await tenantWith(open);
    const start = await now(client);
    for (let n = 0; n < 3; n += 1) await change();
    const [, second, third] = await listed(client, start);
    const byHeader = await read({ after: start }, { 'last-event-id': second!.id });
    const byAddress = await read({ last_event_id: second!.id });
    await change();
    for (const live of [byHeader, byAddress]) {
      await live.until(hasEvents(2));
      expect(idsOf(live.events())).toEqual(idsOf([third!, ...(await listed(client, third!.id))]));
      live.stop();
    }
  });

  it('begins with what comes from now on where it asks for that', async () => {
    const { client, change, read } = await tenantWith(open);
    const live = await read({ after: 'now' });
    await live.until(hasType('ready'));
    const start = live.got[0]!.id;
    await change();
    await live.until(hasEvents(1));
    expect(live.events()).toEqual(await listed(client, start));
    live.stop();
  });

  it('has the types and the account that it asks for, and is told how far others were left out', async () => {
    const { client, account, change, read } = await tenantWith(open);
    const other = await connect(client);
    const start = await now(client);
    await change();
    const byType = await read({ after: start, types: 'account.state_changed,sync.ended' });
    const byAccount = await read({ after: start, account: other.account.id });
    await change();
    const [, last] = await listed(client, start);
    const isTold = (got: readonly Told[]): boolean =>
      got.some(({ id, type }) => id === last!.id && !type.includes('.'));
    for (const live of [byType, byAccount]) await live.until(isTold);
    await system("update accounts set state = 'active', who = 'nobody' where id = ?", [account]);
    await byType.until(hasEvents(1));
    expect(byType.events()).toMatchObject([{ type: 'account.state_changed', account_id: account }]);
    await system('update accounts set label = ? where id = ?', ['other', other.account.id]);
    await byAccount.until(hasEvents(1));
    expect(byAccount.events()).toMatchObject([{ type: 'account.updated', account_id: other.account.id }]);
    for (const live of [byType, byAccount]) live.stop();
  });

  it('has nothing of another tenant, and is refused an account of theirs', async () => {
    const [ours, theirs] = [await tenantWith(open), await tenantWith(open)];
    const live = await ours.read({ after: await now(ours.client) });
    await theirs.change();
    await ours.change();
    await live.until(hasEvents(1));
    await live.until(hasType('heartbeat'));
    expect(new Set(live.events().map(({ account_id: id }) => id))).toEqual(new Set([ours.account]));
    live.stop();
    // A place is no secret, and opens nothing.
    const [event] = await listed(theirs.client, '000000000000-000000000000');
    const after = await ours.read({ last_event_id: event!.id });
    await after.until(hasEvents(1));
    expect(new Set(after.events().map(({ account_id: id }) => id))).toEqual(new Set([ours.account]));
    after.stop();
    await expect(ours.read({ account: theirs.account })).rejects.toMatchObject({
      status: 404,
      type: expect.stringContaining('application/problem+json'),
      body: { code: 'not_found' },
    });
  });

  it('is refused without a valid key, without the scope, and for what is no filter or cursor, with a problem', async () => {
    const { client } = await tenantWith(open);
    const without = await api.clientOf('without read', ['write']);
    const asked: [number, string, Parameters<OpenLive>[0]][] = [
      [401, 'unauthorized', { url: api.url }],
      [401, 'unauthorized', { url: api.url, key: 'pb_a-key-that-nobody-has' }],
      [403, 'missing_scope', { url: api.url, key: without.key }],
      [422, 'invalid_request', { url: api.url, key: client.key, query: { types: 'news' } }],
      [422, 'invalid_request', { url: api.url, key: client.key, query: { last_event_id: 'then' } }],
      [422, 'invalid_request', { url: api.url, key: client.key, query: { surprise: 'x' } }],
    ];
    for (const [status, code, way] of asked) {
      const refusal: unknown = await open(way).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(Refused);
      const { type, body, ...refused } = refusal as Refused;
      expect([refused.status, type, body.code]).toEqual([
        status,
        expect.stringContaining('application/problem+json'),
        code,
      ]);
    }
  });

  it('is told to read anew where events after its place were dropped, and goes on after the place it is told', async () => {
    const { client, tenant, change, read } = await tenantWith(open);
    const start = await now(client);
    for (let n = 0; n < 2; n += 1) await change();
    const [first, second] = await listed(client, start);
    const [stamp, seq] = second!.id.split('-').map((part) => Number.parseInt(part, 16));
    await system('insert into event_floors (tenant_id, stamp, seq) values (?, ?, ?)', [tenant, stamp, seq]);
    for (const id of [start, first!.id, 'ffffffffffff-000000000001']) {
      const live = await read({ last_event_id: id });
      const { code } = await live.ended;
      expect(code).toBe(isSocket ? 4410 : 0);
      const told = live.got.filter(({ type }) => type !== 'heartbeat');
      expect(told.map(({ type }) => type)).toEqual(['ready', 'resync']);
      const after = await read({ last_event_id: told[1]!.id });
      await change();
      await after.until(hasEvents(1));
      expect(after.events()).toHaveLength(1);
      after.stop();
    }
    const good = await read({ last_event_id: second!.id });
    await good.until(hasEvents(3));
    good.stop();
  });

  it('is told to read anew where it was at the end of a feed that lost what came next', async () => {
    const { client, tenant, change, read } = await tenantWith(open);
    const live = await read({ after: await now(client) });
    await live.until(hasType('ready'));
    await change();
    await live.until(hasEvents(1));
    // As of a process that stood still while days were dropped.
    await system('insert into event_floors (tenant_id, stamp, seq) values (?, ?, 0)', [tenant, 2 ** 40]);
    await change();
    await live.ended;
    expect(live.got.at(-1)!.type).toBe('resync');
  });

  it('SECURITY 2: ends when its key is revoked, and stays open for other keys', async () => {
    const { client, change, read } = await tenantWith(open);
    const { body } = await client.post('/api/v1/api-keys', { name: 'revoked soon', scopes: ['read'] });
    const live = await open({ url: api.url, key: body.api_key });
    const other = await read({ after: 'now' });
    await live.until(hasType('ready'));
    expect((await client.delete(`/api/v1/api-keys/${body.id}`)).status).toBe(204);
    expect((await live.ended).code).toBe(isSocket ? 4401 : 0);
    await eventually('the key to be refused', async () => {
      const opened: unknown = await open({ url: api.url, key: body.api_key }).catch((error: unknown) => error);
      if (opened instanceof Refused) return opened.status === 401;
      (opened as LiveReader).stop();
      return false;
    });
    await change();
    await other.until(hasEvents(1));
    other.stop();
  });

  it('ends with its process', async () => {
    const { client } = await tenantWith(open);
    const second = await startApi({ ...api.context.config, PORT: 0 }, { temporal: createStandIn() });
    const live = await open({ url: second.url, key: client.key });
    await live.until(hasType('ready'));
    await second.close();
    expect((await live.ended).code).toBe(isSocket ? 1001 : 0);
  });

  it('is closed where it takes no bytes, and has everything once it resumes, while another reader goes on', async () => {
    const { client, account, tenant, read } = await tenantWith(open);
    const start = await now(client);
    const [slow, other] = [await read({ after: start }), await read({ after: start })];
    const before = await dropped('slow_reader');
    const paused = slow.until(hasEvents(1)).then(slow.pause);
    // More than the buffers of a connection take.
    const large = 200;
    await system(
      `insert into events (tenant_id, stamp, seq, account_id, type, data, at)
       select ?, event_stamp(), nextval('events_seq'), ?, 'account.updated',
         jsonb_build_object('changed', jsonb_build_array(repeat('x', 100000))), event_time() from generate_series(1, ?::int)`,
      [tenant, account, large],
    );
    await paused;
    await other.until(hasEvents(large));
    await eventually('the slow reader to be dropped', async () => (await dropped('slow_reader')) === before + 1);
    slow.resume();
    const { code, reason } = await slow.ended;
    if (isSocket)
      expect([code, reason]).toEqual([4408, 'The bytes were not taken in time: connect again, and resume.']);
    const had = slow.events();
    expect(had.length).toBeLessThan(large);
    const again = await read({ last_event_id: had.at(-1)?.id ?? start });
    await again.until(hasEvents(large - had.length));
    expect(idsOf([...had, ...again.events()])).toEqual(idsOf(other.events()));
    for (const live of [other, again]) live.stop();
  });
});

it('C12: a message that comes is told over a WebSocket at once, without asking for it', async () => {
  const { client, account } = await tenantWith(openSocket);
  const upstream = `up-${unique()}`;
  await activate(api, account, upstream);
  const socket = await openSocket({ url: api.url, key: client.key });
  await socket.until(hasType('ready'));
  const sender = { attendee_provider_id: 'person', attendee_name: 'Ana' };
  const message = { event: 'message_received', account_id: upstream, chat_id: unique(), message_id: unique() };
  const sent = { ...message, message: 'hello', sender, attendees: [sender], timestamp: '2026-05-04T10:00:00.000Z' };
  expect((await postWebhook(api, sent)).status).toBe(200);
  await socket.until(hasType('message.created'));
  const told = socket.got.find(({ type }) => type === 'message.created')!;
  const { body } = await client.get(`/api/v1/messages/${told.data.message_id}`);
  expect(body).toMatchObject({ text: 'hello', conversation: told.data.conversation_id });
  expect(JSON.stringify(socket.got)).not.toMatch(/hello|Ana/);
  socket.stop();
});

it('reads the feed once for all sockets, streams and long polls of a tenant', async () => {
  const { client, tenant, change } = await tenantWith(openSocket);
  const start = await now(client);
  const lives = await Promise.all(
    liveReaders.flatMap(([, open]) =>
      Array.from({ length: 20 }, () => open({ url: api.url, key: client.key, query: { after: start } })),
    ),
  );
  await Promise.all(lives.map((live) => live.until(hasType('ready'))));
  // All have caught up: each has the event that comes next.
  await change();
  await Promise.all(lives.map((live) => live.until(hasEvents(1))));
  const next = lives[0]!.events()[0]!.id;
  const { db } = api.context;
  const { tenant: run } = db;
  let reads = 0;
  db.tenant = (tenantId, work) => {
    if (tenantId === tenant) reads += 1;
    return run(tenantId, work);
  };
  try {
    const polls = Array.from({ length: 20 }, () => client.get(`/api/v1/events?after=${next}&wait=25`));
    // The first look of each is its own.
    await eventually('the first looks', async () => reads >= 20);
    const first = reads;
    for (let n = 0; n < 3; n += 1) await change();
    await Promise.all(lives.map((live) => live.until(hasEvents(4))));
    const answers = await Promise.all(polls);
    expect(answers.map(({ status, body }) => [status, body.items.length > 0])).toEqual(Array(20).fill([200, true]));
    // One for each change at most, and one of a poll that looked before a change and joined after it.
    expect(reads - first).toBeLessThan(3 + 20);
  } finally {
    db.tenant = run;
    for (const live of lives) live.stop();
  }
});

it('counts what is open', async () => {
  const { client } = await tenantWith(openSocket);
  const open = async (): Promise<Record<string, number>> => {
    const { values } = await api.context.metrics.feedReaders.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels.kind as string, value]));
  };
  await eventually('the readers of other tests to be gone', async () =>
    Object.values(await open()).every((count) => count === 0),
  );
  const lives = await Promise.all(liveReaders.map(([, read]) => read({ url: api.url, key: client.key })));
  await eventually('both', async () => (await open()).stream === 1 && (await open()).socket === 1);
  for (const live of lives) live.stop();
  await eventually('neither', async () => (await open()).stream === 0 && (await open()).socket === 0);
  expect(await api.context.metrics.registry.metrics()).toMatch(/patchbay_feed_lag_seconds_count [1-9]/);
});
