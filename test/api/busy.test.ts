import pg from 'pg';
import { WebhookEvent } from '../../db/entities/events.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { newId } from '../../platform/ids.ts';
import { refOf } from '../../services/accounts/find-account.ts';
import { drainWebhooks } from '../../services/webhooks/drain-webhooks.ts';
import { createSignaller } from '../../services/webhooks/signaller.ts';
import { eventually } from '../support/eventually.ts';
import { timed } from '../support/timed.ts';
import { postWebhook } from './fixture.ts';
import { activate, connect, startTestApi, unique, webhookOf, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const refOfAccount = (id: string) =>
  api.context.db.system(async (em) => refOf(await em.findOneOrFail(Account, { id })));

/** Runs `work` while another session holds an account's row as strongly as it can be held. */
async function whileHeld(accountId: string, work: () => Promise<void>): Promise<void> {
  const holder = new pg.Client({ connectionString: api.database.url, options: '-c role=patchbay_system' });
  await holder.connect();
  try {
    await holder.query('begin');
    await holder.query('select from accounts where id = $1 for update', [accountId]);
    await work();
  } finally {
    await holder.end();
  }
}

const status = (upstream: string, message: string) => ({
  AccountStatus: { account_id: upstream, account_type: 'WHATSAPP', message },
});

describe('an account that another session holds', () => {
  it('keeps neither intake, nor readiness, nor other callers waiting; its own caller is told to come again', async () => {
    const { account } = await connect(api.client);
    const upstream = `up-${unique()}`;
    await activate(api, account.id, upstream);
    const other = await api.clientOf('another');
    const { account: others } = await connect(other);
    await whileHeld(account.id, async () => {
      const patches = Array.from({ length: 30 }, (_, n) =>
        api.client.patch(`/api/v1/accounts/${account.id}`, { label: `label ${n}` }),
      );
      const words = ['CREDENTIALS', 'ERROR', 'STOPPED', 'CONNECTING', 'PERMISSIONS', 'OK'];
      const { ms } = await timed(async () => {
        const taken = await Promise.all(words.map((word) => postWebhook(api, status(upstream, word))));
        expect(taken.map((one) => one.status)).toEqual(words.map(() => 200));
        expect(await (await fetch(`${api.url}/readyz`)).json()).toMatchObject({ database: 'up' });
        expect((await other.get(`/api/v1/accounts/${others.id}`)).status).toBe(200);
        expect((await other.patch(`/api/v1/accounts/${others.id}`, { label: 'free' })).status).toBe(200);
      });
      expect(ms).toBeLessThan(10_000);
      for (const answer of await Promise.all(patches)) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'database_busy' } });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      }
    });
    const { body } = await api.client.get(`/api/v1/webhook-events?account=${account.id}&limit=50`);
    expect(body.items).toHaveLength(6);
    await eventually('the signal', async () => api.temporal.signalled.includes(account.id));
  });

  it('holds up no event of another account that is owed, however many it owes itself', async () => {
    const [held, free] = await Promise.all(
      ['held', 'free'].map(async () => {
        const { account } = await connect(api.client);
        const upstream = `up-${unique()}`;
        await activate(api, account.id, upstream);
        return { id: account.id as string, upstream };
      }),
    );
    await api.context.db.system((em) =>
      em.execute(
        `insert into webhook_events (id, request_id, position, tenant_id, credentials_id, provider, account_id, kind, type,
           dedupe_key, state, deliveries, owes_signal, received_at)
         select gen_random_uuid(), gen_random_uuid(), 0, a.tenant_id, a.credentials_id, a.provider, a.id, 'account_status',
           'account_status.error', n::text, 'received', 1, false, now() - interval '1 minute' + n * interval '1 microsecond'
         from accounts a, generate_series(1, 2000) n where a.id = ? and n < 2000 or a.id = ? and n = 2000`,
        [held!.id, free!.id],
      ),
    );
    await whileHeld(held!.id, async () => {
      expect(await drainWebhooks(api.context)).toBeGreaterThanOrEqual(1);
      expect(api.temporal.signalled).toContain(free!.id);
    });
  });

  it('is left to the reconciler by a process that stops', async () => {
    const { account } = await connect(api.client);
    await activate(api, account.id, `up-${unique()}`);
    const { db } = api.context;
    let tries = 0;
    const counting = {
      ...db,
      intake: (...of: Parameters<typeof db.intake>) => {
        tries += 1;
        return db.intake(...of);
      },
    };
    const stopping = new AbortController();
    const signaller = createSignaller({ ...api.context, db: counting as typeof db, stopping: stopping.signal });
    signaller.signal(await refOfAccount(account.id), {
      id: newId(),
      receivedAt: new Date().toISOString(),
      owesEffect: true,
    });
    stopping.abort();
    await signaller.idle();
    // The signal is sent; what it needs of the database is one call.
    expect(api.temporal.signalled).toContain(account.id);
    expect(tries).toBe(1);
  });
});

describe('a flood of one sender', () => {
  it('of bodies that name very many people costs others little, and is not kept', async () => {
    const upstream = `up-${unique()}`;
    const people = Array.from({ length: 170_000 }, (_, n) => `${33_639_000_000 + n}@s.whatsapp.net`).join(' ');
    const flood = Promise.all(
      Array.from({ length: 8 }, () =>
        postWebhook(api, { event: 'message_received', account_id: upstream, message_id: unique(), message: people }),
      ),
    );
    let slowest = 0;
    for (let n = 0; n < 10; n += 1) {
      const event = { event: 'message_received', account_id: `up-${unique()}`, message_id: unique(), message: 'hi' };
      const { value, ms } = await timed(() => postWebhook(api, event));
      expect(value.status).toBe(200);
      slowest = Math.max(slowest, ms);
    }
    expect(slowest).toBeLessThan(10_000);
    expect((await flood).map((answer) => answer.status)).toEqual(Array(8).fill(200));
    const kept = await api.context.db.system((em) =>
      em.execute(
        `select r.body from webhook_events e join webhook_requests r on r.id = e.request_id
         where e.provider_account_id = ? and r.body is not null`,
        [upstream],
      ),
    );
    expect(kept).toEqual([]);
  });

  it('of more events than a request may hold is one event, without its body', async () => {
    const row = await api.context.db.system((em) =>
      em.findOneOrFail(ProviderCredentials, { provider: 'wasender', tenantId: null }),
    );
    const [secret = ''] = webhookSecretsOf(await api.context.vault.keysOf(api.context.db, null), row);
    const data = { messages: Array.from({ length: 5_001 }, (_, n) => ({ key: { id: `${n}` } })) };
    const answer = await fetch(`${api.url}/webhooks/wasender/${row.webhookToken}`, {
      method: 'POST',
      headers: { 'x-webhook-signature': secret },
      body: JSON.stringify({ event: 'messages.upsert', data }),
    });
    expect(await answer.json()).toEqual({ received: 1 });
    const events = await api.context.db.system((em) => em.find(WebhookEvent, { provider: 'wasender' }));
    expect(events).toMatchObject([
      { kind: 'unreadable', state: 'processed', error: expect.stringContaining('5,000 events') },
    ]);
  });
});

/** Counts the look-ups of keys and secrets from now on, and how many there were at once, those in a queue included. */
function watchLookUps({ context: { db } }: TestApi): { count: number; most: number; stop(): void } {
  const { authentication } = db;
  let now = 0;
  const seen = { count: 0, most: 0, stop: () => void (db.authentication = authentication) };
  db.authentication = async (work) => {
    seen.count += 1;
    seen.most = Math.max(seen.most, (now += 1));
    return authentication(work).finally(() => (now -= 1));
  };
  return seen;
}

describe('a flood without a valid key or secret', () => {
  const withKey = (key: string) =>
    fetch(`${api.url}/api/v1/accounts?limit=1`, { headers: { authorization: `Bearer ${key}` } });

  it('of invented keys costs few statements, and keeps no valid key waiting, one that is new here included', async () => {
    const fresh = await api.clientOf(unique());
    const lookUps = watchLookUps(api);
    const flood = Promise.all(
      Array.from({ length: 400 }, async () => (await withKey(`pb_${unique()}${unique()}`)).status),
    );
    const valid = await Promise.all([api.client, fresh].map(async ({ key }) => (await withKey(key)).status));
    expect(valid).toEqual([200, 200]);
    expect(await flood).toEqual(Array(400).fill(401));
    lookUps.stop();
    expect(lookUps.count).toBeLessThan(100);
    expect(lookUps.most).toBeLessThanOrEqual(2);
  });

  it('of wrong secrets is looked up one at a time, up to a bound, and keeps no sender waiting that is known', async () => {
    const right = await webhookOf(api);
    const post = (secret: string) =>
      fetch(right.address, {
        method: 'POST',
        headers: { 'patchbay-webhook-secret': secret },
        body: JSON.stringify({ event: unique() }),
      });
    expect((await post(right.secret)).status).toBe(200);
    const lookUps = watchLookUps(api);
    const few = await Promise.all(Array.from({ length: 50 }, async () => (await post(unique())).status));
    expect([few, lookUps.most]).toEqual([Array(50).fill(401), 1]);
    const flood = Promise.all(Array.from({ length: 400 }, () => post(unique())));
    expect((await post(right.secret)).status).toBe(200);
    const answers = await flood;
    lookUps.stop();
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 503]));
    expect(answers.find(({ status }) => status === 503)?.headers.get('retry-after')).toMatch(/^[1-9]/);
    expect(lookUps.most).toBeLessThanOrEqual(4);
  });
});

it('shows what the pools do', async () => {
  const text = await api.context.metrics.registry.metrics();
  for (const pool of ['app', 'system', 'intake', 'authentication'])
    expect(text).toContain(`patchbay_database_connections{pool="${pool}",state="waiting"} 0`);
});
