import { once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import { connect as connectSocket, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { createAnswers } from '../../api/http/answers.ts';
import { createConcurrency } from '../../api/http/concurrency.ts';
import { answerErrors } from '../../api/http/errors.ts';
import { createShares } from '../../platform/shares.ts';
import { createHttpServer } from '../../api/http/server.ts';
import { createLog } from '../../platform/log.ts';
import { connect, startTestApi, unique, whatsapp, type TestApi } from '../api/support.ts';
import { eventually } from '../support/eventually.ts';

describe('SECURITY 28: one key', () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await startTestApi({ REQUESTS_AT_ONCE_PER_KEY: '3', WAITS_AT_ONCE_PER_KEY: '5' });
  });
  afterAll(() => api?.stop());

  it('stores no metadata of more than 16 KB', async () => {
    const ofBytes = (bytes: number) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
    const { id } = (await connect(api.client, { ...whatsapp, metadata: ofBytes(16_384) })).account;
    for (const metadata of [ofBytes(16_385), { a: '😀'.repeat(4_200) }, { a: 'x'.repeat(900_000) }]) {
      for (const { status, body } of [
        await api.client.post('/api/v1/accounts', { ...whatsapp, metadata }),
        await api.client.patch(`/api/v1/accounts/${id}`, { metadata }),
      ])
        expect([status, body.errors]).toEqual([422, [expect.objectContaining({ field: 'metadata' })]]);
    }
  });

  it('has so many long polls at once and no more, while its other requests and other keys are served', async () => {
    const { account, attempt } = await connect(api.client);
    const poll = `/api/v1/accounts/${account.id}/attempt?after=${attempt.step.id}&wait=3`;
    const polls = Array.from({ length: 8 }, () => api.client.get(poll));
    const statuses = polls.map((one) => one.then(({ status }) => status));
    expect((await api.client.get('/api/v1/accounts?limit=1')).status).toBe(200);
    const other = await api.clientOf(unique());
    expect((await other.get('/api/v1/accounts')).status).toBe(200);
    const answered = await Promise.all(statuses);
    expect(answered.filter((status) => status === 429)).toHaveLength(3);
    expect(answered.filter((status) => status === 200)).toHaveLength(5);
    const refused = await Promise.all(polls).then((all) => all.find(({ status }) => status === 429));
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    // What has ended counts no more.
    await eventually('the next poll', async () => (await api.client.get(poll.replace('=3', '=0.1'))).status === 200);
  });

  it('has so many requests at once, and its tenant twice as many', async () => {
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    api.temporal.onFirstStep = () => held;
    const name = unique();
    const keys = await Promise.all(Array.from({ length: 3 }, () => api.clientOf(name)));
    const asked = keys.flatMap((client) => Array.from({ length: 3 }, () => client.post('/api/v1/accounts', whatsapp)));
    const refused: unknown[] = [];
    const answered = Promise.all(
      asked.map(async (one) => {
        const { status, body } = await one;
        if (status === 429) refused.push(body.code);
        return status;
      }),
    );
    try {
      await eventually('the refusals', async () => refused.length === 3);
      expect(refused).toEqual(['rate_limited', 'rate_limited', 'rate_limited']);
    } finally {
      go();
      api.temporal.onFirstStep = () => Promise.resolve();
    }
    expect((await answered).filter((status) => status === 202)).toHaveLength(6);
  });

  it('is told what is left of its minute', async () => {
    const { headers } = await api.client.get('/api/v1/accounts?limit=1');
    expect(headers.get('ratelimit-policy')).toBe('"minute";q=100000;w=60');
    expect(headers.get('ratelimit')).toMatch(/^"minute";r=\d+;t=\d+$/);
  });
});

describe('SECURITY 28: answers that are not read', () => {
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** A server that answers texts under these bounds: GET /{key}/{megabytes}. */
  async function serve(patience: number): Promise<{ port: number; connections(): Promise<number> }> {
    const answers = createAnswers({ total: 50_000_000, perKey: 25_000_000, patience });
    const app = express();
    app.get('/:key/:megabytes', ({ params: { key, megabytes } }, response) =>
      answers(response, key, 'x'.repeat(Number(megabytes) * 1_000_000)),
    );
    app.use(answerErrors({ log: createLog('test', 'silent') }));
    const server = createServer(app).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      connections: () => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))),
    };
  }

  /** Asks and reads the head of the answer alone. */
  const ask = (port: number, path: string): Promise<{ status: number; end(): void }> =>
    new Promise((resolve, reject) => {
      const asked = get({ port, path, agent: false }, (response) => {
        response.pause();
        response.on('error', () => undefined);
        resolve({ status: response.statusCode ?? 0, end: () => asked.destroy() });
      });
      asked.once('error', reject);
    });

  it('are held up to a bound of each key and of all', async () => {
    const { port } = await serve(120_000);
    const first = await ask(port, '/one/20');
    const statuses = [first.status];
    for (const path of ['/one/20', '/two/20', '/three/20', '/three/5']) statuses.push((await ask(port, path)).status);
    expect(statuses).toEqual([200, 503, 200, 503, 200]);
    first.end();
    await eventually('memory for the next one', async () => (await ask(port, '/one/20')).status === 200);
  });

  it('are dropped with their connection when the caller reads nothing', async () => {
    const { port, connections } = await serve(200);
    expect((await ask(port, '/one/20')).status).toBe(200);
    await eventually('the cut', async () => (await connections()) === 0);
    expect((await ask(port, '/one/20')).status).toBe(200);
  });

  it('are no such while they are read, however long the whole takes', async () => {
    const { port } = await serve(3_000);
    const response = await fetch(`http://127.0.0.1:${port}/slow/20`);
    let read = 0;
    for await (const part of response.body!) {
      if (Math.floor((read + part.length) / 4_000_000) > Math.floor(read / 4_000_000)) await pause(1_000);
      read += part.length;
    }
    expect(read).toBe(20_000_000);
  });
});

it('SECURITY 28: a server has so many connections and no more, and keeps idle ones for 65 seconds', async () => {
  const server = createHttpServer({ MAX_CONNECTIONS: 2, KEEP_ALIVE_SECONDS: 65 });
  server.on('request', (_request, response) => response.end('here'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  /** The first bytes that a connection is answered with; empty for one that is closed. */
  const open = (): Promise<string> =>
    new Promise((resolve) => {
      const socket = connectSocket((server.address() as AddressInfo).port, '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'),
      );
      socket.once('data', (part: Buffer) => resolve(part.toString()));
      socket.once('error', () => resolve('')).once('close', () => resolve(''));
    });
  try {
    for (const answer of [await open(), await open()]) expect(answer).toMatch(/^Keep-Alive: timeout=65\r$/m);
    expect(await open()).toBe('');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

describe('SECURITY 28: connections of the database', () => {
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('are shared: a tenant that asks much has its share and waits, and another one does not wait for it', async () => {
    const shareOf = createShares(2, 10, 60_000);
    const began: string[] = [];
    const ends: (() => void)[] = [];
    const ask = (tenant: string): Promise<void> =>
      shareOf(tenant, () => {
        began.push(tenant);
        return new Promise<void>((resolve) => ends.push(resolve));
      });
    const asked = ['loud', 'loud', 'loud', 'loud', 'calm'].map(ask);
    await settle();
    expect(began).toEqual(['loud', 'loud', 'calm']);
    ends[0]?.();
    await settle();
    expect(began).toEqual(['loud', 'loud', 'calm', 'loud']);
    // What waits would fail later, in another test.
    while (ends.length < asked.length) {
      for (const end of ends) end();
      await settle();
    }
    for (const end of ends) end();
    await Promise.all(asked);
  });

  it('are free again after a failure', async () => {
    const shareOf = createShares(1, 0, 1);
    for (let n = 0; n < 3; n += 1)
      await expect(shareOf('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
  });
});

it('SECURITY 28: a name is free again when what it had under way has ended', () => {
  const enter = createConcurrency(1, 'requests');
  const leave = enter('a');
  expect(() => enter('a')).toThrow(/^More than 1 requests/);
  enter('b')();
  leave();
  expect(() => enter('a')()).not.toThrow();
});
