import { once } from 'node:events';
import { connect as connectTo } from 'node:net';
import { runSql } from '../support/run-sql.ts';
import { eventually } from '../support/eventually.ts';
import { createClient, type ApiClient } from '../support/client.ts';
import { connect, startTestApi, unique, type TestApi } from '../api/support.ts';
import { openSocket, openStream, type LiveReader, type Told } from './live-readers.ts';

const most = 3;

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ SOCKETS_AT_ONCE_PER_KEY: String(most), SOCKET_HEARTBEAT_SECONDS: '0.2' });
});
afterAll(() => api?.stop());

const hasType =
  (wanted: string) =>
  (got: readonly Told[]): boolean =>
    got.some(({ type }) => type === wanted);
const browser = { origin: 'https://app.example' };

async function makeTicket(client: ApiClient): Promise<string> {
  const { status, body } = await client.post('/api/v1/realtime-tickets');
  expect([status, Date.parse(body.expires_at) > Date.now()]).toEqual([201, true]);
  return body.ticket;
}

const isRefused = async (opening: Promise<LiveReader>, status: number, code: string): Promise<void> => {
  await expect(opening).rejects.toMatchObject({
    status,
    type: expect.stringContaining('application/problem+json'),
    body: { code },
  });
};

describe('a ticket', () => {
  it('opens one socket, once, from a page of any origin, and is stored as a hash alone', async () => {
    const client = await api.clientOf(unique());
    const ticket = await makeTicket(client);
    const stored = await api.context.db.system((em) => runSql(em, 'select * from realtime_tickets'));
    expect(JSON.stringify(stored)).not.toContain(ticket);
    const opened = await Promise.allSettled(
      Array.from({ length: 5 }, () => openSocket({ url: api.url, query: { ticket }, headers: browser })),
    );
    const sockets = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(sockets).toHaveLength(1);
    await sockets[0]!.until(hasType('ready'));
    await connect(client);
    await sockets[0]!.until(hasType('account.created'));
    sockets[0]!.stop();
    await isRefused(openSocket({ url: api.url, query: { ticket } }), 401, 'unauthorized');
  });

  it('is good for a short time, and for no other route', async () => {
    const client = await api.clientOf(unique());
    const [early, late] = [await makeTicket(client), await makeTicket(client)];
    const plain = await fetch(`${api.url}/api/v1/realtime?ticket=${early}`);
    expect([plain.status, (await fetch(`${api.url}/api/v1/accounts?ticket=${early}`)).status]).toEqual([401, 401]);
    await expect(openStream({ url: api.url, query: { ticket: early } })).rejects.toMatchObject({ status: 401 });
    (await openSocket({ url: api.url, query: { ticket: early } })).stop();
    api.clock.advance(31_000);
    await isRefused(openSocket({ url: api.url, query: { ticket: late } }), 401, 'unauthorized');
  });

  it('ends with the key that made it, and so does its socket', async () => {
    const client = await api.clientOf(unique());
    const { body } = await client.post('/api/v1/api-keys', { name: 'revoked soon', scopes: ['read'] });
    const own = createClient(api.url, body.api_key);
    const [used, unused] = [await makeTicket(own), await makeTicket(own)];
    const socket = await openSocket({ url: api.url, query: { ticket: used } });
    await client.delete(`/api/v1/api-keys/${body.id}`);
    expect(await socket.ended).toEqual({ code: 4401, reason: 'The API key was revoked.' });
    await isRefused(openSocket({ url: api.url, query: { ticket: unused } }), 401, 'unauthorized');
  });

  it('is not used up by a handshake that is wrong', async () => {
    const client = await api.clientOf(unique());
    const ticket = await makeTicket(client);
    const answer = await rawHandshake(`/api/v1/realtime?ticket=${ticket}`, { 'sec-websocket-version': '8' });
    expect(answer).toMatch(/^HTTP\/1\.1 426 /);
    expect(answer).toMatch(/sec-websocket-version: 13/i);
    (await openSocket({ url: api.url, query: { ticket } })).stop();
  });
});

/** The whole answer to a handshake by hand. */
async function rawHandshake(path: string, headers: Record<string, string>): Promise<string> {
  const { hostname, port } = new URL(api.url);
  const socket = connectTo(Number(port), hostname);
  await once(socket, 'connect');
  const all = {
    host: 'localhost',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': Buffer.alloc(16, 1).toString('base64'),
    'sec-websocket-version': '13',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  for await (const part of socket) text += String(part);
  return text;
}

describe('a handshake', () => {
  it('takes a key as a subprotocol, and never answers with it', async () => {
    const { key } = await api.clientOf(unique());
    const { socket, until, stop } = await openSocket({ url: api.url }, ['patchbay', key]);
    expect(socket.protocol).toBe('patchbay');
    await until(hasType('ready'));
    stop();
  });

  it('SECURITY 10: with a key is refused from a page of another origin', async () => {
    const { key } = await api.clientOf(unique());
    await isRefused(openSocket({ url: api.url, key, headers: browser }), 403, 'foreign_origin');
    await isRefused(openSocket({ url: api.url, headers: browser }, ['patchbay', key]), 403, 'foreign_origin');
    (await openSocket({ url: api.url, key, headers: { origin: new URL(api.context.publicUrl).origin } })).stop();
  });

  it('that is none is answered with a problem', async () => {
    const { key } = await api.clientOf(unique());
    const authorization = `Bearer ${key}`;
    const plain = await fetch(`${api.url}/api/v1/realtime`, { headers: { authorization } });
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await plain.json()).toMatchObject({ code: 'upgrade_required' });
    const answer = await rawHandshake('/api/v1/realtime', { authorization, 'sec-websocket-key': 'short' });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"malformed_request"');
  });

  it('at any other address is a plain request', async () => {
    expect(await rawHandshake('/healthz', { connection: 'Upgrade, close' })).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('is refused above the limit of its key, streams counted too, until one of them is gone', async () => {
    const { key } = await api.clientOf(unique());
    const open = [await openStream({ url: api.url, key }), await openSocket({ url: api.url, key })];
    open.push(await openSocket({ url: api.url, key }));
    expect(open).toHaveLength(most);
    await isRefused(openSocket({ url: api.url, key }), 429, 'rate_limited');
    await expect(openStream({ url: api.url, key })).rejects.toMatchObject({ status: 429 });
    open[0]!.stop();
    await eventually('room for another one', () => openSocket({ url: api.url, key }).then((one) => open.push(one)));
    for (const one of open) one.stop();
  });
});

describe('the messages of a client', () => {
  it('change what it reads from then on', async () => {
    const client = await api.clientOf(unique());
    const { account } = await connect(client);
    const other = await connect(client);
    const { socket, got, events, until, stop } = await openSocket({ url: api.url, key: client.key });
    await until(hasType('ready'));
    const label = (id: string) => client.patch(`/api/v1/accounts/${id}`, { label: unique() });
    socket.send(JSON.stringify({ type: 'filter', types: ['account.updated'], account: account.id }));
    await until(hasType('filter'));
    expect(got.at(-1)).toEqual({ type: 'filter', types: ['account.updated'], account: account.id });
    await label(other.account.id);
    await label(account.id);
    await until(() => events().length === 1);
    expect(events()).toMatchObject([{ account_id: account.id }]);
    socket.send(JSON.stringify({ type: 'filter' }));
    await until((all) => all.filter(({ type }) => type === 'filter').length === 2);
    await label(other.account.id);
    await until(() => events().length === 2);
    expect(events()[1]).toMatchObject({ account_id: other.account.id });
    stop();
  });

  it('that are wrong are answered with a problem, and change nothing', async () => {
    const client = await api.clientOf(unique());
    const theirs = await connect(await api.clientOf(unique()));
    const { socket, got, until, stop } = await openSocket({ url: api.url, key: client.key });
    const wrong: [string, string][] = [
      ['{', 'malformed_request'],
      ['5', 'invalid_request'],
      ['{"type":"surprise"}', 'invalid_request'],
      ['{"type":"filter","types":["news"]}', 'invalid_request'],
      ['{"type":"filter","acount":"x"}', 'invalid_request'],
      [JSON.stringify({ type: 'filter', account: theirs.account.id }), 'not_found'],
    ];
    for (const [message] of wrong) socket.send(message);
    const problems = () => got.filter(({ type }) => type === 'problem') as unknown as { code: string }[];
    await until(() => problems().length === wrong.length);
    expect(problems().map(({ code }) => code)).toEqual(wrong.map(([, code]) => code));
    expect(socket.readyState).toBe(socket.OPEN);
    stop();
  });

  it('end the socket where they are too large or too many', async () => {
    const { key } = await api.clientOf(unique());
    const large = await openSocket({ url: api.url, key });
    large.socket.send('x'.repeat(5_000));
    expect((await large.ended).code).toBe(1009);
    const many = await openSocket({ url: api.url, key });
    for (let n = 0; n < 130; n += 1) many.socket.send('{"type":"filter"}');
    expect((await many.ended).code).toBe(4429);
  });
});

it('a socket that answers no pings is closed, and one that does stays open', async () => {
  const { key } = await api.clientOf(unique());
  const silent = await openSocket({ url: api.url, key }, [], { autoPong: false });
  const answering = await openSocket({ url: api.url, key });
  expect(await silent.ended).toEqual({
    code: 4408,
    reason: 'Pings were not answered: connect again, and resume.',
  });
  expect(answering.socket.readyState).toBe(answering.socket.OPEN);
  answering.stop();
});
