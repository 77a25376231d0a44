import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Server } from 'node:net';
import { Transform } from 'node:stream';
import pg from 'pg';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { SyncRun } from '../../db/entities/events.ts';
import { changeTopics } from '../../domain/change-topics.ts';
import { createTestDatabase } from '../support/database.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { timed } from '../support/timed.ts';
import { postWebhook } from './fixture.ts';
import { activate, connect, placeStep, startTestApi, unique, type TestApi } from './support.ts';

/** Less than a waiting request lets pass before it looks by itself while announcements arrive. */
const promptMs = 4_000;

/** An account whose attempt has its first step. */
async function waitingAccount(api: TestApi, client: ApiClient = api.client) {
  const { account, attempt } = await connect(client);
  const step = await placeStep(api, attempt.id, { kind: 'wait', for: 'provider' });
  return { id: account.id as string, attempt: attempt.id as string, step };
}
type Waiting = Awaited<ReturnType<typeof waitingAccount>>;

const poll = (client: ApiClient, { id, step }: Waiting, seconds = 20) =>
  client.get(`/api/v1/accounts/${id}/attempt?after=${step}&wait=${seconds}`);

/** Counts the transactions of tenants from now on. */
function countReads({ context: { db } }: TestApi): { of(tenantId?: string): number; stop(): void } {
  const { tenant } = db;
  const seen: string[] = [];
  db.tenant = (tenantId, work) => {
    seen.push(tenantId);
    return tenant(tenantId, work);
  };
  return {
    of: (tenantId) => seen.filter((one) => !tenantId || one === tenantId).length,
    stop: () => void (db.tenant = tenant),
  };
}

const listening = async ({ context }: TestApi): Promise<boolean> =>
  /^patchbay_listening 1$/m.test(await context.metrics.registry.metrics());

/** Process ids of connections that listen. */
const listeners = async (api: TestApi): Promise<number[]> => {
  const client = new pg.Client({ connectionString: api.database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name = 'patchbay_changes'`,
    );
    return rows.map(({ pid }) => pid);
  } finally {
    await client.end();
  }
};

describe('a long poll', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi({ WAITS_AT_ONCE_PER_KEY: '1000' });
    await eventually('the listener', () => listening(api));
  });
  afterAll(() => api?.stop());

  it('is answered soon after the next step is there, and after the end of the attempt', async () => {
    const account = await waitingAccount(api);
    const reads = countReads(api);
    const first = timed(() => poll(api.client, account));
    await eventually('the first look', async () => reads.of() >= 1);
    reads.stop();
    const step = await placeStep(api, account.attempt, { kind: 'approve' });
    const { value, ms } = await first;
    expect(value.body.step).toMatchObject({ id: step, kind: 'approve' });
    expect(ms).toBeLessThan(promptMs);

    const second = timed(() => poll(api.client, { ...account, step }));
    await activate(api, account.id, `up-${unique()}`);
    const ended = await second;
    expect(ended.value.body.state).toBe('succeeded');
    expect(ended.ms).toBeLessThan(promptMs);
  });

  it('for syncs is answered soon after the last of them has ended', async () => {
    const tenant = await api.clientOf(unique());
    const runs: Record<string, string> = {};
    for (let n = 0; n < 3; n += 1) {
      const { id } = await waitingAccount(api, tenant);
      await activate(api, id, `up-${unique()}`);
    }
    const asked = timed(() => tenant.post('/api/v1/syncs?wait=20', { kind: 'details' }));
    await eventually('the runs', async () => {
      const { body } = await tenant.get('/api/v1/syncs');
      for (const { id, state } of body.items) runs[id] = state;
      return Object.keys(runs).length === 3;
    });
    for (const id of Object.keys(runs))
      await api.context.db.system((em) =>
        em.nativeUpdate(SyncRun, { id }, { state: 'succeeded', endedAt: new Date() }),
      );
    const { value, ms } = await asked;
    expect([value.status, value.body.items.map((run: any) => run.state)]).toEqual([200, Array(3).fill('succeeded')]);
    expect(ms).toBeLessThan(promptMs);
  });

  it('for an erasure is answered soon after it is done', async () => {
    const asked = timed(() => api.client.post('/api/v1/erasures?wait=20', { phone: '+33639980123' }));
    await eventually('the erasure', async () => {
      const { body } = await api.client.get('/api/v1/erasures');
      const [found] = body.items;
      if (!found) return false;
      await api.context.db.system((em) =>
        em.execute(`update erasures set state = 'done', erased_at = now() where id = ?`, [found.id]),
      );
      return true;
    });
    const { value, ms } = await asked;
    expect(value.body.state).toBe('done');
    expect(ms).toBeLessThan(promptMs);
  });

  it('costs two looks, its first and its last, beside those for changes of its own account', async () => {
    const [calm, busy] = [await waitingAccount(api), await waitingAccount(api)];
    const other = await api.clientOf(unique());
    const others = await waitingAccount(api, other);
    const { tenantId } = await api.context.db.system((em) => em.findOneOrFail(ConnectionAttempt, others.attempt));
    const reads = countReads(api);
    const waits = Array.from({ length: 200 }, () => poll(api.client, calm, 6));
    const theirs = timed(() => poll(other, others));
    const news = timed(() => poll(api.client, busy));
    await eventually('the first looks', async () => reads.of() >= 202 && reads.of(tenantId) >= 1);
    await Promise.all([placeStep(api, busy.attempt, { kind: 'approve' }), Promise.all(waits)]);
    const approve = { status: 200, body: { step: { kind: 'approve' } } };
    expect((await news).value).toMatchObject(approve);
    await placeStep(api, others.attempt, { kind: 'approve' });
    expect((await theirs).value).toMatchObject(approve);
    reads.stop();
    // The view of an attempt is two more. One that waits for longer than 6 seconds looks by itself as well.
    expect(reads.of(tenantId)).toBeLessThanOrEqual(2 + 2 + Math.floor((await theirs).wallMs / 6_000));
    expect(reads.of()).toBeLessThan(5 * 202);
  });

  it('announces what requests wait for, and neither webhooks nor the progress of a sync', async () => {
    const { id, attempt } = await waitingAccount(api);
    const upstream = `up-${unique()}`;
    await activate(api, id, upstream);
    const { body } = await api.client.post('/api/v1/syncs', { kind: 'details', account: id });
    const [run] = body.items;
    const listener = new pg.Client({ connectionString: api.database.url });
    await listener.connect();
    const heard: string[] = [];
    listener.on('notification', ({ payload = '' }) => payload.startsWith('probe/') || heard.push(payload));
    await listener.query('listen patchbay_changes');
    try {
      const status = { account_id: upstream, account_type: 'WHATSAPP', message: 'CONNECTING' };
      expect((await postWebhook(api, { AccountStatus: status })).status).toBe(200);
      await api.context.db.system((em) => em.nativeUpdate(SyncRun, { id: run.id }, { cursor: 'page 2', part: 0.5 }));
      await api.context.db.system((em) => em.nativeUpdate(SyncRun, { id: run.id }, { state: 'succeeded' }));
      await placeStep(api, attempt, { kind: 'approve' });
      await eventually('the last one', async () => heard.includes(changeTopics.attempts(id)));
      expect(heard).toEqual([changeTopics.sync(run.id), changeTopics.attempts(id)]);
    } finally {
      await listener.end();
    }
  });

  it('goes on, and hears of what it missed, after the connection that listens was ended', async () => {
    const account = await waitingAccount(api);
    const asked = timed(() => poll(api.client, account));
    const [pid] = await listeners(api);
    const killer = new pg.Client({ connectionString: api.database.url });
    await killer.connect();
    await killer.query('select pg_terminate_backend($1)', [pid]);
    await killer.end();
    await placeStep(api, account.attempt, { kind: 'approve' });
    const { value, ms } = await asked;
    expect(value.body.step.kind).toBe('approve');
    expect(ms).toBeLessThan(promptMs);
    await eventually('another listener', async () => {
      const [now] = await listeners(api);
      return now !== undefined && now !== pid && (await listening(api));
    });
  });
});

/** A way to PostgreSQL that loses every announcement, as a pooler of transactions does. */
async function withoutAnnouncements(url: string): Promise<{ url: string; server: Server }> {
  const target = new URL(url);
  const { port, hostname } = target;
  const server = createServer((socket) => {
    const upstream = connectSocket(Number(port), hostname);
    let left = Buffer.alloc(0);
    // A message of the server: its type, and the length of the rest.
    const filter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        left = Buffer.concat([left, chunk]);
        for (let size = 0; left.length >= 5 && left.length >= (size = 1 + left.readUInt32BE(1));) {
          if (left[0] !== 'A'.charCodeAt(0)) this.push(left.subarray(0, size));
          left = left.subarray(size);
        }
        done();
      },
    });
    socket.pipe(upstream).pipe(filter).pipe(socket);
    for (const one of [socket, upstream]) one.on('error', () => [socket, upstream].map((end) => end.destroy()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: target.href, server };
}

describe('where no announcement arrives', () => {
  it('a long poll looks by itself, and is answered', async () => {
    const database = await createTestDatabase();
    const way = await withoutAnnouncements(database.url);
    const api = await startTestApi({ DATABASE_URL: way.url });
    try {
      const account = await waitingAccount(api);
      const asked = timed(() => poll(api.client, account));
      await placeStep(api, account.attempt, { kind: 'approve' });
      const { value, ms } = await asked;
      expect(value.body.step.kind).toBe('approve');
      expect(ms).toBeLessThan(promptMs);
      expect(await listening(api)).toBe(false);
    } finally {
      await api.stop();
      way.server.close();
      await database.drop();
    }
  });
});

it('a process that ends answers its long polls, and listens no more', async () => {
  const api = await startTestApi({ SHUTDOWN_GRACE_SECONDS: '10' });
  const database = await createTestDatabase();
  await eventually('the listener', () => listening(api));
  const account = await waitingAccount(api);
  const reads = countReads(api);
  const asked = Array.from({ length: 20 }, () => poll(api.client, account));
  await eventually('the first looks', async () => reads.of() >= 20);
  const { ms } = await timed(() => api.stop());
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(ms).toBeLessThan(promptMs);
  const client = new pg.Client({ connectionString: database.ownerUrl });
  await client.connect();
  const { rows } = await client.query(
    `select from pg_stat_activity where application_name = 'patchbay_changes' and datname = $1`,
    [new URL(api.database.url).pathname.slice(1)],
  );
  expect(rows).toEqual([]);
  await client.end();
  await database.drop();
});
