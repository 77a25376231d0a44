import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { startApi } from '../../api/start.ts';
import { runSql } from '../support/run-sql.ts';
import { webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { WebhookEvent } from '../../db/entities/events.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { providers } from '../../providers/providers.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { postWebhook } from './fixture.ts';
import { createProxy } from './proxy.ts';
import { activate, connect, createStandIn, startTestApi, unique, webhookOf, type TestApi } from './support.ts';

let api: TestApi;
/** Whether the provider's bodies can be read, as before and after a fix of ours. */
let readable = true;
beforeAll(async () => {
  const unipile = providers.unipile!;
  const read: typeof unipile.webhooks.read = (request) => {
    const read = unipile.webhooks.read(request);
    return readable ? read : { ...read, events: null };
  };
  api = await startTestApi({}, { providers: { unipile: { ...unipile, webhooks: { ...unipile.webhooks, read } } } });
});
afterAll(() => api?.stop());
afterEach(() => {
  readable = true;
  api.temporal.down = false;
});

const status = (account: string, message: string) => ({
  AccountStatus: { account_id: account, account_type: 'WHATSAPP', message },
});

const eventsOf = (upstream: string): Promise<WebhookEvent[]> =>
  api.context.db.system((em) => em.find(WebhookEvent, { providerAccountId: upstream }));
const allEvents = (): Promise<number> => api.context.db.system((em) => em.count(WebhookEvent, {}));

async function activeAccount(client: ApiClient = api.client): Promise<{ id: string; upstream: string }> {
  const { account } = await connect(client);
  const upstream = `up-${unique()}`;
  await activate(api, account.id, upstream);
  return { id: account.id, upstream };
}
const accountRow = (id: string) => api.context.db.system((em) => em.findOneOrFail(Account, { id }));
const tells = (id: string): number => api.temporal.signalled.filter((one) => one === id).length;

describe('C2: the webhook intake', () => {
  it('commits an event, sealed, before it answers, and then has its account looked at', async () => {
    const { id, upstream } = await activeAccount();
    const answer = await postWebhook(api, { ...status(upstream, 'CREDENTIALS'), note: 'a readable word' });
    const [event] = await eventsOf(upstream);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ received: 1 });
    expect(event).toMatchObject({ state: 'processed', accountId: id, type: 'account_status.credentials' });
    expect((await accountRow(id)).checkRequestedAt).not.toBeNull();
    await eventually('the account to be told', async () => tells(id) === 1);
    const stored = JSON.stringify(await api.context.db.system((em) => runSql(em, 'select body from webhook_requests')));
    expect(stored).not.toContain('readable');
    const shown = await api.client.get(`/api/v1/webhook-events/${event!.id}`);
    expect(shown.body.body).toContain('a readable word');
    const [listed] = (await api.client.get(`/api/v1/webhook-events?account=${id}`)).body.items;
    expect(listed).toMatchObject({ id: event!.id, state: 'processed', deliveries: 1 });
    expect(listed).not.toHaveProperty('body');
    const blind = await api.clientOf('ours', ['read']);
    expect((await blind.get(`/api/v1/webhook-events/${event!.id}`)).body).not.toHaveProperty('body');
  });

  it('does not move the account by the word of a webhook alone', async () => {
    const { id, upstream } = await activeAccount();
    for (const word of ['CREDENTIALS', 'DELETED', 'STOPPED']) await postWebhook(api, status(upstream, word));
    expect(await accountRow(id)).toMatchObject({ state: 'active', providerAccountId: upstream });
  });

  it('lets an event that is delivered again, at once or later, have one effect', async () => {
    const { id, upstream } = await activeAccount();
    const deliver = () => postWebhook(api, status(upstream, 'ERROR'));
    const answers = [...(await Promise.all([deliver(), deliver(), deliver()])), await deliver()];
    expect(answers.map((one) => one.status)).toEqual([200, 200, 200, 200]);
    const events = await eventsOf(upstream);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ deliveries: 4, state: 'processed' });
    await eventually('the account to be told', async () => tells(id) > 0);
    expect(tells(id)).toBe(1);
  });

  it('takes the same word about an account as news when it comes again later', async () => {
    const { upstream } = await activeAccount();
    await postWebhook(api, status(upstream, 'OK'));
    api.clock.advance(3 * 60_000);
    await postWebhook(api, status(upstream, 'OK'));
    expect(await eventsOf(upstream)).toHaveLength(2);
  });

  it('keeps an event of an account that it does not know as unmatched', async () => {
    const upstream = `up-${unique()}`;
    expect((await postWebhook(api, status(upstream, 'OK'))).status).toBe(200);
    expect(await eventsOf(upstream)).toMatchObject([{ state: 'unmatched', accountId: null, tenantId: null }]);
    const { items } = (await api.client.get('/api/v1/webhook-events?state=unmatched&limit=200')).body;
    expect(items.map((one: any) => one.provider_account_id)).toContain(upstream);
    const reader = await api.clientOf('ours', ['read', 'write', 'raw']);
    const shown = (await reader.get('/api/v1/webhook-events?limit=200')).body.items;
    expect(shown.map((one: any) => one.provider_account_id)).not.toContain(upstream);
  });

  it('leaves a repeat of an unmatched event to the claim of its account, also while the account is held', async () => {
    const { id, upstream } = await activeAccount();
    const report = status(upstream, 'ERROR');
    await postWebhook(api, report);
    await api.context.db.system((em) =>
      runSql(
        em,
        "update webhook_events set state = 'unmatched', account_id = null, tenant_id = null where provider_account_id = ?",
        [upstream],
      ),
    );
    const holder = new pg.Client(api.database.ownerUrl);
    await holder.connect();
    try {
      await holder.query('begin');
      await holder.query('select from accounts where id = $1 for update', [id]);
      expect((await postWebhook(api, report)).status).toBe(200);
    } finally {
      await holder.query('rollback');
      await holder.end();
    }
    expect(await eventsOf(upstream)).toMatchObject([{ state: 'unmatched', accountId: null, deliveries: 2 }]);
  });

  it('stores nothing that lacks the right secret, or is compressed', async () => {
    const { address, secret } = await webhookOf(api);
    const before = await allEvents();
    const body = JSON.stringify(status('up-x', 'OK'));
    const statuses = [];
    for (const at of [address, `${api.url}/api/v1/webhooks/unipile/`, `${api.url}/api/unipile/webhook`])
      for (const headers of [{}, { 'patchbay-webhook-secret': 'wrong' }, { 'patchbay-webhook-secret': `${secret}x` }])
        statuses.push((await fetch(at, { method: 'POST', headers: headers as Record<string, string>, body })).status);
    expect(new Set(statuses)).toEqual(new Set([401]));
    const headers = { 'patchbay-webhook-secret': secret, 'content-encoding': 'gzip' };
    expect((await fetch(address, { method: 'POST', headers, body: gzipSync(body) })).status).toBe(415);
    expect(await allEvents()).toBe(before);
  });

  it('takes them in at the documented paths, with and without the slash', async () => {
    const { secret } = await webhookOf(api);
    for (const path of [
      '/api/v1/webhooks/unipile/',
      '/api/v1/webhooks/unipile',
      '/api/unipile/webhook',
      '/api/unipile/webhook/',
    ]) {
      const { id, upstream } = await activeAccount();
      const answer = await fetch(`${api.url}${path}`, {
        method: 'POST',
        headers: { 'patchbay-webhook-secret': secret },
        body: JSON.stringify(status(upstream, 'CREDENTIALS')),
      });
      expect(answer.status).toBe(200);
      expect(await eventsOf(upstream)).toMatchObject([{ accountId: id, state: 'processed' }]);
    }
  });

  it('owes the signal while Temporal is down, and acknowledges all the same', async () => {
    const { id, upstream } = await activeAccount();
    api.temporal.down = true;
    expect((await postWebhook(api, status(upstream, 'ERROR'))).status).toBe(200);
    expect(await eventsOf(upstream)).toMatchObject([{ accountId: id, owesSignal: true }]);
  });

  it('answers 503 while the database is down, so that the provider tries again, and 200 after it', async () => {
    const proxy = await createProxy(api.database.url);
    const config = { ...api.context.config, DATABASE_URL: proxy.url, PORT: 0 };
    const reached = await startApi(config, { temporal: createStandIn() });
    try {
      const { upstream } = await activeAccount();
      const { address, secret } = await webhookOf(api);
      const paths = [new URL(address).pathname, '/api/unipile/webhook'];
      const post = (path: string) =>
        fetch(`${reached.url}${path}`, {
          method: 'POST',
          headers: { 'patchbay-webhook-secret': secret },
          body: JSON.stringify(status(upstream, 'ERROR')),
        });
      proxy.cut();
      for (const path of paths) {
        const refused = await post(path);
        expect(refused.status).toBe(503);
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await refused.json()).toMatchObject({ code: 'database_unavailable' });
      }
      expect((await fetch(`${reached.url}/readyz`)).status).toBe(503);
      expect((await fetch(`${reached.url}/healthz`)).status).toBe(200);
      proxy.mend();
      await eventually('the database to be back', async () => (await post(paths[0]!)).status === 200);
      expect(await eventsOf(upstream)).toMatchObject([{ state: 'processed' }]);
    } finally {
      await reached.close();
      await proxy.stop();
    }
  });
});

describe('C2: events that cannot be read or applied', () => {
  it('keeps what it cannot read as failed, visible to operators, and never answers it with an error', async () => {
    const bodies = [
      '',
      'no JSON',
      '[]',
      '{}',
      '{"AccountStatus":5}',
      JSON.stringify({ event: 'a\u0000b' }),
      JSON.stringify({ event: 'x'.repeat(5000) }),
      JSON.stringify(status('a\u0000b', 'OK')),
      JSON.stringify(status('x'.repeat(5000), 'OK')),
    ];
    for (const body of bodies) {
      const answer = await postWebhook(api, body);
      expect([body.slice(0, 30), answer.status]).toEqual([body.slice(0, 30), 200]);
    }
    const { items } = (await api.client.get('/api/v1/webhook-events?state=failed&limit=200')).body;
    expect(items.length).toBe(bodies.length);
    expect(items[0]).toMatchObject({ type: 'unreadable', state: 'failed', error: expect.stringContaining('body') });
    expect(
      (await (await api.clientOf('ours', ['read', 'raw'])).get('/api/v1/webhook-events?state=failed')).body.items,
    ).toEqual([]);
  });

  it('stores an event with a key longer than an index takes', async () => {
    const body = { event: 'message_received', message_id: 'm'.repeat(20_000), account_id: 'up-long' };
    for (let n = 0; n < 2; n += 1) expect((await postWebhook(api, body)).status).toBe(200);
    expect(await eventsOf('up-long')).toMatchObject([{ deliveries: 2 }]);
  });

  it('replays what could not be read once it can be', async () => {
    const { id, upstream } = await activeAccount();
    readable = false;
    await postWebhook(api, status(upstream, 'CREDENTIALS'));
    const [failed] = (await api.client.get('/api/v1/webhook-events?state=failed&limit=1')).body.items;
    const replay = () => api.client.post(`/api/v1/webhook-events/${failed.id}/replay`);
    expect((await replay()).body).toMatchObject({ id: failed.id, state: 'failed' });
    expect(await eventsOf(upstream)).toEqual([]);
    readable = true;
    expect((await replay()).body).toMatchObject({ id: failed.id, state: 'processed', error: null });
    expect(await eventsOf(upstream)).toMatchObject([{ accountId: id, state: 'processed', owesSignal: false }]);
    expect(tells(id)).toBe(1);
    await replay();
    expect(await eventsOf(upstream)).toHaveLength(1);
  });

  it('keeps an event that could not be applied, and applies it on replay', async () => {
    const { id, upstream } = await activeAccount();
    const owner = new pg.Client({ connectionString: api.database.ownerUrl });
    await owner.connect();
    try {
      await owner.query(`create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
        create trigger refuse before update on accounts for each row execute function refuse()`);
      expect((await postWebhook(api, status(upstream, 'CREDENTIALS'))).status).toBe(200);
      await owner.query('drop trigger refuse on accounts');
    } finally {
      await owner.end();
    }
    const [event] = await eventsOf(upstream);
    expect(event).toMatchObject({
      state: 'failed',
      accountId: id,
      processedAt: null,
      error: expect.stringMatching(/replay/i),
    });
    const replayed = await api.client.post(`/api/v1/webhook-events/${event!.id}/replay`);
    expect(replayed.body).toMatchObject({ state: 'processed', account_id: id, error: null });
    expect(tells(id)).toBe(1);
  });

  it("shows a tenant what came to a webhook of its own, and no other tenant's operator", async () => {
    const own = await api.clientOf('with its own', ['read', 'write', 'admin']);
    const settings = { dsn: 'http://127.0.0.1:1', access_token: 'own' };
    const response = await fetch(`${api.url}/api/v1/providers/unipile`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${own.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(settings),
    });
    const { webhook_address: address, webhook_header: header } = (await response.json()) as Record<string, string>;
    const [secret] = await api.context.db.system(async (em) => {
      const row = await em.findOneOrFail(ProviderCredentials, { webhookToken: address!.split('/').at(-1) });
      return webhookSecretsOf(await api.context.vault.keysOf(em, row.tenantId), row);
    });
    const { id, upstream } = await activeAccount();
    for (const body of ['not readable', JSON.stringify(status(upstream, 'DELETED'))])
      expect((await fetch(address!, { method: 'POST', headers: { [header!]: secret! }, body })).status).toBe(200);
    // The account is another tenant's: naming it under a right secret changes nothing of it.
    expect((await accountRow(id)).checkRequestedAt).toBeNull();
    const shown = (await own.get('/api/v1/webhook-events')).body.items;
    expect(shown.map((one: any) => one.state).sort()).toEqual(['failed', 'unmatched']);
    const others = (await api.client.get('/api/v1/webhook-events?limit=200')).body.items.map((one: any) => one.id);
    for (const one of shown) {
      expect(others).not.toContain(one.id);
      expect((await api.client.get(`/api/v1/webhook-events/${one.id}`)).status).toBe(404);
    }
  });
});

it('C2: counts events by provider, kind and outcome, under names of ours alone', async () => {
  const { upstream } = await activeAccount();
  await postWebhook(api, status(upstream, 'ERROR'));
  await postWebhook(api, status(upstream, 'ERROR'));
  await postWebhook(api, { event: 'a name of theirs', message_id: unique() });
  const { values } = await api.context.metrics.webhookEvents.get();
  const labels = values.map(({ labels: { type, state } }) => `${type} ${state}`);
  expect(labels).toEqual(
    expect.arrayContaining([
      'account_status.needs_restart processed',
      'account_status.needs_restart duplicate',
      'other unmatched',
    ]),
  );
  expect(await api.context.metrics.registry.metrics()).not.toContain('a name of theirs');
});
