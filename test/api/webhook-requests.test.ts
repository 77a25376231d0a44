import pg from 'pg';
import { runSql } from '../support/run-sql.ts';
import { Account } from '../../db/entities/accounts.ts';
import { WebhookEvent, WebhookRequest } from '../../db/entities/events.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { keepAccountKeys } from '../../db/queries/accounts/account-keys.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { dropWebhookDays, ensureDays } from '../../db/queries/retention/days.ts';
import { ensureSecretHashes, proofsHoldSql, senderSql } from '../../db/queries/webhooks/secrets.ts';
import { rows as sqlRows, sql } from '../../db/sql.ts';
import { newId } from '../../platform/ids.ts';
import { drainWebhooks } from '../../services/webhooks/drain-webhooks.ts';
import { eventually } from '../support/eventually.ts';
import { postWebhook } from './fixture.ts';
import { activate, connect, startTestApi, unique, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const query = <T = any>(text: string, params: unknown[] = []): Promise<T[]> =>
  api.context.db.system((em) => runSql<T>(em, text, params));
const signals = (id: string): number => api.temporal.signalled.filter((one) => one === id).length;

/** An active account of WASender with a webhook secret of its own. */
async function session(): Promise<{
  id: string;
  upstream: string;
  send(event: string, data: unknown): Promise<Response>;
}> {
  const { account } = await connect(api.client, { provider: 'wasender', channel: 'whatsapp', owner: 'maya' });
  const [upstream, secret] = [`session-${unique()}`, `secret-${unique()}`];
  await activate(api, account.id, upstream);
  const { db, vault } = api.context;
  const token = await db.system(async (em) => {
    const hash = (await openLedger(em, vault)).secretHash(secret);
    await em.nativeUpdate(Account, { id: account.id }, { webhookSecretHash: hash });
    return (await em.findOneOrFail(ProviderCredentials, { provider: 'wasender', tenantId: null })).webhookToken;
  });
  const send = (event: string, data: unknown): Promise<Response> =>
    fetch(`${api.url}/webhooks/wasender/${token}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-webhook-signature': secret },
      body: JSON.stringify({ event, data }),
    });
  return { id: account.id, upstream, send };
}

const eventsOf = (accountId: string): Promise<WebhookEvent[]> =>
  api.context.db.system((em) => em.find(WebhookEvent, { accountId }, { orderBy: { position: 'asc' } }));

const messages = (count: number, mark = unique()) => ({
  messages: Array.from({ length: count }, (_, n) => ({
    key: { id: `${mark}-${n}`, remoteJid: `3363998${String(10_000 + n)}@s.whatsapp.net`, fromMe: false },
    messageBody: `text ${n}`,
  })),
});

describe('C2: a request of many events', () => {
  it('is one row with its body once, its events in their order, and at most five statements between begin and commit', async () => {
    const { id, send } = await session();
    await send('messages.upsert', messages(1));
    const statements: string[] = [];
    const client = pg.Client.prototype as { query: (...args: any[]) => any };
    const { query: original } = client;
    client.query = function (this: pg.Client, ...args: any[]) {
      statements.push(typeof args[0] === 'string' ? args[0] : args[0].text);
      return original.apply(this, args);
    };
    const answer = await send('messages.upsert', messages(100));
    client.query = original;
    expect(await answer.json()).toEqual({ received: 100 });
    const lastBegin = statements.findLastIndex((text) => /^begin/i.test(text));
    const stored = statements.slice(lastBegin);
    expect(stored.some((text) => text.includes('webhook_requests'))).toBe(true);
    expect(stored.length).toBeLessThanOrEqual(7);

    const all = await eventsOf(id);
    const events = all.filter(({ requestId }) => requestId === all.at(-1)?.requestId);
    expect(events.map(({ position }) => position)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(new Set(events.map(({ state, kind, owesSignal }) => `${state} ${kind} ${owesSignal}`))).toEqual(
      new Set(['processed message false']),
    );
    const found = await query('select body, headers from webhook_requests where id = ?', [events[0]!.requestId]);
    expect(found).toEqual([{ body: expect.stringMatching(/^v2\./), headers: expect.any(Object) }]);
    expect(JSON.stringify(found)).not.toContain('secret-');
  });

  it('is counted at each of its events when it is repeated, and adds no second request', async () => {
    const { id, send } = await session();
    const body = messages(3);
    await send('messages.upsert', body);
    const [{ count: before } = { count: 0 }] = await query('select count(*) from webhook_requests');
    expect((await send('messages.upsert', body)).status).toBe(200);
    expect((await eventsOf(id)).map(({ deliveries }) => deliveries)).toEqual([2, 2, 2]);
    expect((await query('select count(*) from webhook_requests'))[0].count).toBe(before);
  });

  it('replays one of its events alone', async () => {
    const { id, send } = await session();
    await send('messages.upsert', messages(3));
    await query("update webhook_events set state = 'failed', error = 'as before a fix' where account_id = ?", [id]);
    const before = await eventsOf(id);
    const replayed = await api.client.post(`/api/v1/webhook-events/${before[1]!.id}/replay`);
    expect(replayed.body).toMatchObject({ id: before[1]!.id, state: 'processed', error: null });
    const after = await eventsOf(id);
    expect(after.map(({ state }) => state)).toEqual(['failed', 'processed', 'failed']);
    for (const n of [0, 2]) expect(after[n]).toEqual(before[n]);
    expect(after).toHaveLength(3);
  });
});

describe('C2: an account that another transaction holds', () => {
  it('delays no webhook: the effect is owed, and follows when the account is free', async () => {
    const { id, send } = await session();
    const holder = new pg.Client({ connectionString: api.database.url, options: '-c role=patchbay_system' });
    await holder.connect();
    try {
      await holder.query('begin');
      await holder.query('select from accounts where id = $1 for update', [id]);
      expect((await send('session.status', { status: 'logged_out' })).status).toBe(200);
      expect(await eventsOf(id)).toMatchObject([{ state: 'received', owesSignal: false, processedAt: null }]);
      expect(signals(id)).toBe(0);
      await holder.query('commit');
    } finally {
      await holder.end();
    }
    await eventually('the signal', async () => signals(id) > 0);
    await eventually('the end of what is owed', async () => (await eventsOf(id))[0]?.owesSignal === false);
    expect(await eventsOf(id)).toMatchObject([{ state: 'processed' }]);
    const { checkRequestedAt } = await api.context.db.system((em) => em.findOneOrFail(Account, { id }));
    expect(checkRequestedAt).not.toBeNull();
  });

  it('has its events applied by the drain when the process of the intake has died', async () => {
    const { id, send } = await session();
    await send('session.status', { status: 'logged_out' });
    await eventually('the signal', async () => (await eventsOf(id))[0]?.owesSignal === false && signals(id) === 1);
    await query("update webhook_events set state = 'received', processed_at = null where account_id = ?", [id]);
    expect(await drainWebhooks(api.context)).toBe(1);
    expect(signals(id)).toBe(2);
    expect(await eventsOf(id)).toMatchObject([{ state: 'processed', owesSignal: false }]);
    expect(await drainWebhooks(api.context)).toBe(0);
  });
});

describe('C2: webhook secrets', () => {
  it('are found by their hash in an index, however many tenants and accounts there are', async () => {
    const { db } = api.context;
    await db.system(async (em) => {
      const [{ id } = { id: '' }] = await sqlRows<{ id: string }>(em, sql`select id from provider_credentials limit 1`);
      const insert = [
        sql`insert into tenants (id, name, created_at)
          select gen_random_uuid(), 'many ' || n, now() from generate_series(1, 5000) n`,
        sql`insert into provider_credentials (id, tenant_id, provider, settings, webhook_secrets, webhook_token,
            registrations, created_at, updated_at)
          select gen_random_uuid(), id, 'unipile', '', '', name, '[]', now(), now() from tenants where name like 'many %'`,
        sql`insert into webhook_secret_hashes (credentials_id, hash, tenant_id)
          select id, webhook_token, tenant_id from provider_credentials where webhook_token like 'many %'`,
        sql`insert into accounts (id, tenant_id, provider, channel, owner, metadata, credentials_id, provider_account_id,
            webhook_secret_hash, state, who, since, method, created_at, updated_at)
          select gen_random_uuid(), t.id, 'wasender', 'whatsapp', 'x', '{}', ${id}::uuid, t.name, t.name, 'active',
            'nobody', now(), 'qr', now(), now() from tenants t where t.name like 'many %'`,
      ];
      for (const one of insert) await sqlRows(em, one);
    });
    const owner = new pg.Client({ connectionString: api.database.ownerUrl });
    await owner.connect();
    await owner.query('analyze');
    await owner.end();
    const plans = await db.system(async (em) => {
      const explain = async (token: string | null): Promise<string> =>
        JSON.stringify(await sqlRows(em, sql`explain ${senderSql('unipile', token, 'many 7')}`));
      const sender = { credentialsId: newId(), tenantId: null, provider: 'wasender', proof: { secretHash: 'many 7' } };
      const senders = ['many 7', null].map((providerAccountId) => ({ ...sender, providerAccountId }));
      return [
        await explain(null),
        await explain('many 7'),
        JSON.stringify(await sqlRows(em, sql`explain ${proofsHoldSql(senders)}`)),
      ];
    });
    await query("delete from tenants where name like 'many %'");
    for (const plan of plans) expect(plan).not.toMatch(/Seq Scan/);
    expect(plans[0]).toContain('webhook_secret_hashes_hash');
    expect(plans[1]).toContain('accounts_webhook_secret');
  });

  it('that are taken back are refused at once, also in a batch with others', async () => {
    const [gone, kept] = [await session(), await session()];
    const sendAll = async (from: (typeof gone)[]): Promise<number[]> =>
      (await Promise.all(from.map((one) => one.send('messages.received', messages(1))))).map(({ status }) => status);
    expect(await sendAll([gone, kept])).toEqual([200, 200]);
    const [row] = await query('select webhook_secret_hash as hash from accounts where id = ?', [gone.id]);
    await query('update accounts set webhook_secret_hash = null where id = ?', [gone.id]);
    expect(await sendAll([kept, gone, kept, gone, kept])).toEqual([200, 401, 200, 401, 200]);
    expect(await eventsOf(gone.id)).toHaveLength(1);
    expect(await eventsOf(kept.id)).toHaveLength(4);
    await query('update accounts set webhook_secret_hash = ? where id = ?', [row.hash, gone.id]);
    expect(await sendAll([gone])).toEqual([200]);
  });

  it('without a hash, from older versions, are hashed at the start of a process', async () => {
    const { db, vault } = api.context;
    const hashes = () => query('select credentials_id, hash from webhook_secret_hashes order by 1, 2');
    const before = await hashes();
    expect(before.length).toBeGreaterThan(0);
    await query('delete from webhook_secret_hashes');
    expect((await postWebhook(api, { event: 'x', mark: unique() })).status).toBe(401);
    await ensureSecretHashes(db, vault);
    expect(await hashes()).toEqual(before);
    expect((await postWebhook(api, { event: 'x', mark: unique() })).status).toBe(200);
  });

  it('of accounts are hashed then as well', async () => {
    const { db, vault } = api.context;
    const { id } = await session();
    const keyed = await db.system(async (em) => {
      const account = await em.findOneOrFail(Account, { id });
      await keepAccountKeys(em, vault, account, { webhookSecret: `secret-${unique()}` }, new Date());
      return account;
    });
    await query('update accounts set webhook_secret_hash = null where id = ?', [keyed.id]);
    await ensureSecretHashes(db, vault);
    const [found] = await query('select webhook_secret_hash as hash from accounts where id = ?', [keyed.id]);
    expect(found.hash).toBe(keyed.webhookSecretHash);
  });
});

it('C2: deleting an account deletes its requests and their subjects, and no others', async () => {
  const [deleted, kept] = [await session(), await session()];
  for (const { send } of [deleted, kept]) await send('messages.upsert', messages(2));
  const [{ requestId: left }] = (await eventsOf(kept.id)) as [WebhookEvent];
  const [{ requestId: dropped }] = (await eventsOf(deleted.id)) as [WebhookEvent];
  const counted = async (id: string): Promise<number[]> => {
    const tables = [
      'webhook_requests where id',
      'webhook_events where request_id',
      'webhook_subjects where request_id',
    ];
    const found = await Promise.all(tables.map((table) => query(`select count(*)::int as n from ${table} = ?`, [id])));
    return found.map(([row]) => row.n);
  };
  expect(await counted(dropped)).toEqual([1, 2, 2]);
  const owner = new pg.Client({ connectionString: api.database.url, options: '-c role=patchbay_system' });
  await owner.connect();
  await owner.query('delete from accounts where id = $1', [deleted.id]);
  await owner.end();
  expect(await counted(dropped)).toEqual([0, 0, 0]);
  expect(await counted(left)).toEqual([1, 2, 2]);
});

describe('C2: partitions by day', () => {
  const partitionOf = async (id: string): Promise<string> =>
    (await query('select tableoid::regclass::text as name from webhook_requests where id = ?', [id]))[0]?.name;
  const put = (day: string): Promise<string> =>
    api.context.db.system(async (em) => {
      const id = newId();
      const request = { id, tenantId: null, credentialsId: newId(), provider: 'unipile', state: 'read' } as const;
      em.persist(
        em.create(WebhookRequest, {
          ...request,
          error: null,
          body: null,
          headers: {},
          receivedAt: new Date(`${day}T12:00Z`),
        }),
      );
      return id;
    });

  it('take rows from the default partition that arrived before they were made', async () => {
    const { db } = api.context;
    const id = await put('2031-03-05');
    expect(await partitionOf(id)).toBe('webhook_requests_default');
    expect(await db.system((em) => ensureDays(em, new Date('2031-03-04T23:59Z')))).toBe(24);
    expect(await partitionOf(id)).toBe('webhook_requests_20310305');
    expect(await db.system((em) => ensureDays(em, new Date('2031-03-04T23:59Z')))).toBe(0);
  });

  it('are made once by concurrent processes', async () => {
    const { db } = api.context;
    const make = () => db.system((em) => ensureDays(em, new Date('2032-01-01T00:00Z')));
    const made = await Promise.all([make(), make(), make()]);
    expect(made.reduce((sum, one) => sum + one, 0)).toBe(24);
  });

  it('are dropped after their day, events 60 days after their bodies', async () => {
    const { db } = api.context;
    await db.system((em) => ensureDays(em, new Date('2020-05-01T00:00Z')));
    const [old, kept, oldest] = [await put('2020-05-01'), await put('2020-05-02'), await put('2019-01-01')];
    const names = async (): Promise<string[]> =>
      (
        await query<{ name: string }>(
          "select relname as name from pg_class where relispartition and relkind = 'r' and relname ~ '^webhook_(requests|events|subjects)_2020050'",
        )
      )
        .map(({ name }) => name)
        .toSorted();
    expect(await db.system((em) => dropWebhookDays(em, new Date('2020-05-02T18:00Z')))).toBe(2);
    expect(await partitionOf(kept)).toBe('webhook_requests_20200502');
    for (const id of [old, oldest]) expect(await partitionOf(id)).toBeUndefined();
    expect(await names()).toContain('webhook_events_20200501');
    await db.system((em) => dropWebhookDays(em, new Date('2020-08-01T00:00Z')));
    expect(await names()).toEqual([]);
  });
});
