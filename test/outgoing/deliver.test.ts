import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { connect } from '../api/support.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { changesOf, startOutgoing, takenBy, upTo, type Outgoing } from './fixture.ts';
import type { Received } from './receiver.ts';

let outgoing: Outgoing;
beforeAll(async () => {
  outgoing = await startOutgoing();
});
afterAll(() => outgoing?.stop());

const path = '/api/v1/webhook-endpoints';
/** The headers of a request, as the library takes them. */
const headersOf = ({ headers }: Received) => headers as Record<string, string>;
const firstOf = (application: { got: Received[] }): Promise<Received> =>
  eventually('a delivery', async () => application.got[0]);

describe('F3: a delivery', () => {
  it('carries the event as the feed has it, in the shape of Standard Webhooks, with headers of its own', async () => {
    const [chat = ''] = await outgoing.conversations(1);
    const application = await outgoing.application({ headers: { 'x-team': 'sales' } });
    await outgoing.change([chat]);
    const { id, text, headers, event } = await firstOf(application);
    const { items } = (await outgoing.api.client.get(`/api/v1/events?types=conversation.updated&limit=200`)).body;
    const told = items.find((item: any) => item.id === id);
    expect(event).toEqual(told);
    expect(JSON.parse(text)).toEqual({ type: 'conversation.updated', timestamp: told.at, data: told });
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-team': 'sales' });
    const [delivery] = await eventually('the outcome', async () => application.deliveries('&state=delivered'));
    expect(delivery).toMatchObject({
      event_id: id,
      type: event.type,
      tries: 1,
      status: 204,
      error: null,
      answer: null,
    });
    expect((await outgoing.api.client.get(`/api/v1/webhook-deliveries/${delivery.id}`)).body).toEqual(delivery);
    expect(JSON.stringify(await application.state())).not.toMatch(/whsec_|sales/);
  });

  it('is accepted by the official library, which refuses altered, old and foreign ones', async () => {
    const chats = await outgoing.conversations(1);
    const application = await outgoing.application();
    await outgoing.change(chats);
    const received = await firstOf(application);
    const headers = headersOf(received);
    const ours = new Webhook(application.secret);
    expect(ours.verify(received.text, headers)).toEqual(JSON.parse(received.text));
    const old = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 600) };
    const foreign = new Webhook(`whsec_${Buffer.alloc(32, 1).toString('base64')}`);
    for (const refused of [
      () => ours.verify(received.text.replace('conversation', 'message'), headers),
      () => ours.verify(received.text, { ...headers, 'webhook-id': 'another' }),
      () => ours.verify(received.text, old),
      () => foreign.verify(received.text, headers),
    ])
      expect(refused).toThrow(WebhookVerificationError);
  });

  it('is signed with both secrets while one is replaced, and with the new one alone afterwards', async () => {
    const chats = await outgoing.conversations(1);
    const application = await outgoing.application();
    const rotated = await outgoing.api.client.post(`${path}/${application.endpoint}/rotate-secret`, {
      overlap_hours: 1,
    });
    const secrets = [application.secret, rotated.body.secret];
    expect(rotated.body.former_secret_until).not.toBeNull();
    const accepting = ({ text, headers }: Received): boolean[] =>
      secrets.map((secret) => {
        try {
          new Webhook(secret).verify(text, headers as Record<string, string>);
          return true;
        } catch {
          return false;
        }
      });
    await outgoing.change(chats);
    expect(accepting(await firstOf(application))).toEqual([true, true]);
    outgoing.advance(3_601);
    application.got = [];
    await outgoing.change(chats);
    expect(accepting(await firstOf(application))).toEqual([false, true]);
    expect((await application.state()).former_secret_until).toBeNull();
  });

  it('is of the types and accounts of its endpoint alone', async () => {
    const { account: other } = await connect(outgoing.api.client);
    const [own = ''] = await outgoing.conversations(1);
    const [foreign = ''] = await outgoing.conversations(1, other.id);
    const ofTypes = await outgoing.application({ types: ['account.updated'] });
    const ofAccount = await outgoing.application({ accounts: [other.id] });
    const ofBoth = await outgoing.application({
      accounts: [other.id, outgoing.account],
      types: ['conversation.updated'],
    });
    await outgoing.change([own]);
    await outgoing.change([foreign]);
    await outgoing.api.client.patch(`/api/v1/accounts/${other.id}`, { label: 'Sales' });
    const typesOf = (got: Received[]) => got.map(({ event }) => [event.type, event.account_id]);
    await eventually('all', async () => ofTypes.got.length && ofAccount.got.length > 1 && ofBoth.got.length > 1);
    await eventually('the account', async () => ofAccount.got.some(({ event }) => event.type === 'account.updated'));
    expect(typesOf(ofTypes.got)).toEqual([['account.updated', other.id]]);
    expect(typesOf(ofAccount.got)).toEqual(
      expect.arrayContaining([
        ['conversation.updated', other.id],
        ['account.updated', other.id],
      ]),
    );
    expect(ofAccount.got.every(({ event }) => event.account_id === other.id)).toBe(true);
    expect(new Set(ofBoth.got.map(({ event }) => event.data.conversation_id))).toEqual(new Set([own, foreign]));
  });

  it('goes to the tenant of the event alone', async () => {
    const client = await outgoing.api.clientOf('theirs');
    const theirs = await outgoing.application({}, client);
    const chats = await outgoing.conversations(2);
    const ours = await outgoing.application();
    await outgoing.change(chats);
    await takenBy(ours, chats, 1);
    const { account } = await connect(client);
    const made = await eventually('their own', async () => theirs.got.length > 0 && theirs.got);
    expect(new Set(made.map(({ event }) => event.account_id))).toEqual(new Set([account.id]));
  });
});

describe('F3: an endpoint that takes many events in a request', () => {
  const eventsOf = ({ text }: Received): Received['event'][] => JSON.parse(text).data.events;
  const countsOf = (events: Received['event'][], chat: string): number[] =>
    events.filter(({ data }) => data.conversation_id === chat).map(({ data }) => data.unread_count);
  const batches = { events_per_request: 8, types: ['conversation.updated'] };
  /** An endpoint for which four changes of each conversation wait. */
  const behind = async (chats: readonly string[]) => {
    const application = await outgoing.application({ ...batches, enabled: false });
    for (const _ of upTo(4)) await outgoing.change(chats);
    return application;
  };
  const enable = ({ endpoint }: { endpoint: string }) =>
    outgoing.api.client.patch(`${path}/${endpoint}`, { enabled: true });

  it('gets batches that keep the order of each conversation, each signed as one', async () => {
    const chats = await outgoing.conversations(5);
    const application = await behind(chats);
    await enable(application);
    const events = await eventually('all', async () => {
      const all = application.got.flatMap(eventsOf);
      return all.length === 20 && all;
    });
    expect(application.got.length).toBeLessThanOrEqual(5);
    for (const chat of chats) expect(countsOf(events, chat)).toEqual(upTo(4));
    for (const one of application.got) {
      const { events: told } =
        new Webhook(application.secret).verify(one.text, headersOf(one)) && JSON.parse(one.text).data;
      expect(told.length).toBeLessThanOrEqual(8);
      expect(one.id).toBe(`${told[0].id}+${told.length - 1}`);
    }
    const delivered = await eventually('the outcomes', async () => {
      const found = await application.deliveries('&state=delivered');
      return found.length === 20 && found;
    });
    expect(new Set(delivered.map((one: any) => one.event_id))).toEqual(new Set(events.map(({ id }) => id)));
  });

  it('is told each event of a refused batch again by itself: one that it cannot take holds up its conversation alone', async () => {
    const chats = await outgoing.conversations(4);
    const application = await behind(chats);
    const taken: Received['event'][] = [];
    application.answer = (received, response) => {
      const events = eventsOf(received);
      const isRefused = events.some(({ data }) => data.conversation_id === chats[0]);
      if (!isRefused) taken.push(...events);
      response.writeHead(isRefused ? 500 : 204).end();
    };
    await enable(application);
    await eventually('the others', async () => {
      outgoing.advance(12);
      return taken.length >= 12;
    });
    for (const chat of chats.slice(1)) expect(countsOf(taken, chat)).toEqual(upTo(4));
    expect((await application.deliveries('&state=pending')).length).toBe(4);
  });

  it('is tested with a batch of one', async () => {
    const application = await outgoing.application(batches);
    const { body } = await outgoing.api.client.post(`${path}/${application.endpoint}/test`);
    expect(eventsOf(await firstOf(application))).toMatchObject([{ id: body.event_id, type: 'test' }]);
    expect(
      (await outgoing.api.client.patch(`${path}/${application.endpoint}`, { events_per_request: 101 })).status,
    ).toBe(422);
    const changed = await outgoing.api.client.patch(`${path}/${application.endpoint}`, { events_per_request: 1 });
    expect(changed.body.events_per_request).toBe(1);
  });
});

describe('F3: an event that an endpoint does not take', () => {
  it('holds up its conversation and no other one, and is tried again', async () => {
    const chats = await outgoing.conversations(3);
    const [stuck = ''] = chats;
    const application = await outgoing.application();
    application.answer = ({ event }, response) =>
      void response.writeHead(event.data.conversation_id === stuck ? 500 : 204).end('no');
    for (let n = 0; n < 4; n += 1) {
      await outgoing.change(chats);
      await takenBy(application, chats.slice(1), n + 1);
    }
    const ofStuck = application.got.filter(({ event }) => event.data.conversation_id === stuck);
    expect(new Set(ofStuck.map(({ event }) => event.data.unread_count))).toEqual(new Set([1]));
    const waiting = await eventually('the try', async () => {
      const found = await application.deliveries('&state=pending');
      return found.length === 4 && found.at(-1)?.tries ? found : null;
    });
    expect(waiting.at(-1)).toMatchObject({ status: 500, error: 'refused', answer: 'no' });
    application.answer = (_received, response) => void response.writeHead(200).end('ok');
    outgoing.advance(12);
    expect(await takenBy(application, chats, 4)).toEqual(chats.map(() => upTo(4)));
  });

  it('is dead after 72 hours, is listed, and is delivered with the same id when it is replayed', async () => {
    const chats = await outgoing.conversations(2);
    const application = await outgoing.application();
    application.answer = (_received, response) => void response.writeHead(503).end();
    await outgoing.change(chats);
    const idsOf = (): string[] => [...new Set(application.got.map(({ id }) => id))].toSorted();
    await eventually('both tries', async () => idsOf().length === 2);
    const ids = idsOf();
    await eventually('their outcomes', async () =>
      (await application.deliveries('&state=pending')).every(({ tries }) => tries > 0),
    );
    outgoing.advance(72 * 3_600);
    const dead = await eventually('their end', async () => {
      const found = await application.deliveries('&state=dead');
      return found.length === 2 ? found : null;
    });
    application.got = [];
    application.answer = (_received, response) => void response.writeHead(204).end();
    const one = await outgoing.api.client.post(`/api/v1/webhook-deliveries/${dead[0].id}/replay`);
    expect([one.status, one.body.state]).toEqual([202, 'pending']);
    await eventually('the replayed one', async () => application.got.length === 1);
    const rest = await outgoing.api.client.post(`${path}/${application.endpoint}/replay`, {});
    expect(rest.body).toEqual({ replayed: 1 });
    await eventually('the other one', async () => application.got.length === 2);
    expect(idsOf()).toEqual(ids);
    await eventually('the outcomes', async () => (await application.deliveries('&state=delivered')).length === 2);
    const range = { state: 'all', from: dead.at(-1).queued_at };
    const again = await outgoing.api.client.post(`${path}/${application.endpoint}/replay`, range);
    expect(again.body).toEqual({ replayed: 2 });
    await eventually('all once more', async () => application.got.length === 4);
    expect(idsOf()).toEqual(ids);
  });
});

describe('F3: an endpoint', () => {
  it('that fails is paused, tried once a minute, and goes on by itself: all events, in the order of each conversation', async () => {
    const chats = await outgoing.conversations(6);
    const application = await outgoing.application();
    const healthy = await outgoing.application();
    application.answer = (_received, response) => void response.writeHead(500).end();
    for (let n = 0; n < 3; n += 1) await outgoing.change(chats);
    await eventually('the pause', async () => (await application.state()).state === 'paused');
    // An hour: nothing but a try a minute.
    for (let minute = 0; minute < 3; minute += 1) {
      const before = application.got.length;
      outgoing.advance(minute === 0 ? 61 : 1_800);
      await eventually('a probe', async () => application.got.length > before);
      await outgoing.change(chats);
      const probed = await application.state();
      expect(probed.state).toBe('paused');
      expect(application.got.length).toBe(before + 1);
    }
    // Then every third delivery fails.
    let n = 0;
    application.answer = (_received, response) => void response.writeHead((n += 1) % 3 ? 204 : 500).end();
    await eventually('the events', async () => {
      outgoing.advance(61);
      return changesOf(application, chats).every((of) => of.length === 6);
    });
    expect(changesOf(application, chats)).toEqual(chats.map(() => upTo(6)));
    expect(await takenBy(healthy, chats, 6)).toEqual(chats.map(() => upTo(6)));
    const { items } = (await outgoing.api.client.get('/api/v1/tenant/timeline?limit=200')).body;
    const kinds = items
      .filter(({ data }: any) => data.endpoint_id === application.endpoint)
      .map(({ kind }: any) => kind);
    expect(kinds.slice(0, 2)).toEqual(['endpoint_paused', 'endpoint_resumed']);
  });

  it('that hangs is given up after ten seconds, and holds up no other one', async () => {
    const chats = await outgoing.conversations(8);
    const hanging = await outgoing.application();
    const healthy = await outgoing.application();
    hanging.answer = () => undefined;
    await outgoing.change(chats);
    await eventually('requests that hang', async () => hanging.got.length === 8);
    await outgoing.change(chats);
    expect(await takenBy(healthy, chats, 2)).toEqual(chats.map(() => upTo(2)));
    expect(hanging.got.length).toBe(8);
    await eventually('the pause', async () => (await hanging.state()).state === 'paused');
    const late = (await hanging.deliveries('&state=pending')).filter(({ tries }) => tries > 0);
    expect(new Set(late.map(({ status, error, answer }) => `${status} ${error} ${answer}`))).toEqual(
      new Set(['null timeout null']),
    );
    hanging.answer = (_received, response) => void response.writeHead(204).end();
    await outgoing.api.client.patch(`${path}/${hanging.endpoint}`, { description: 'mended' });
    expect(await takenBy(hanging, chats, 2)).toEqual(chats.map(() => upTo(2)));
  });

  it('that answers 410 is disabled, says why, and goes on where it stopped once it is enabled', async () => {
    const chats = await outgoing.conversations(1);
    const application = await outgoing.application();
    application.answer = (_received, response) => void response.writeHead(410).end();
    await outgoing.change(chats);
    const disabled = await eventually('the end', async () => {
      const state = await application.state();
      return state.state === 'disabled' ? state : null;
    });
    expect(disabled).toMatchObject({ enabled: false, disabled_reason: 'gone' });
    await outgoing.change(chats);
    application.answer = (_received, response) => void response.writeHead(204).end();
    const enabled = await outgoing.api.client.patch(`${path}/${application.endpoint}`, { enabled: true });
    expect(enabled.body).toMatchObject({ state: 'active', disabled_reason: null });
    await eventually('the rest', async () => changesOf(application, chats)[0]?.includes(2));
    expect((await application.deliveries('&state=dead')).map(({ error }) => error)).toEqual(['gone']);
  });

  it('that redirects is not followed, and of a long answer the beginning is kept', async () => {
    const chats = await outgoing.conversations(2);
    const elsewhere = await outgoing.application({ enabled: false });
    const application = await outgoing.application({ types: ['conversation.updated'] });
    application.answer = ({ event }, response) =>
      event.data.conversation_id === chats[0]
        ? void response.writeHead(302, { location: elsewhere.url }).end()
        : void response.writeHead(200).end('é'.repeat(500_000));
    await outgoing.change(chats);
    const outcomes = await eventually('the outcomes', async () => {
      const found = await application.deliveries();
      return found.length === 2 && found.every(({ tries }) => tries > 0) ? found : null;
    });
    const [redirected, long] = ['redirect', null].map((code) => outcomes.find(({ error }) => error === code));
    expect(redirected).toMatchObject({ state: 'pending', status: 302 });
    expect(long).toMatchObject({ state: 'delivered', status: 200, answer: 'é'.repeat(512) });
    expect(elsewhere.got).toEqual([]);
  });

  it('that has missed events is told to read anew', async () => {
    const chats = await outgoing.conversations(1);
    const application = await outgoing.application({ enabled: false });
    await outgoing.change(chats);
    const { db } = outgoing.api.context;
    // As after days, when the feed was dropped before its place.
    await db.system((em) =>
      runSql(
        em,
        `insert into event_floors (tenant_id, stamp, seq) select tenant_id, stamp + 1, 0 from webhook_endpoints where id = ?
         on conflict (tenant_id) do update set stamp = excluded.stamp, seq = excluded.seq`,
        [application.endpoint],
      ),
    );
    await outgoing.api.client.patch(`${path}/${application.endpoint}`, { enabled: true });
    const { event, id } = await firstOf(application);
    expect(event).toMatchObject({ type: 'resync', account_id: null, data: {} });
    // Its id is a cursor: what follows in the feed follows at the endpoint.
    expect((await outgoing.api.client.get(`/api/v1/events?after=${id}`)).status).toBe(200);
    await outgoing.change(chats);
    await eventually('what follows', async () => changesOf(application, chats)[0]?.includes(2));
    await db.system((em) => runSql(em, 'delete from event_floors'));
  });

  it('is tested on request, also while it is disabled', async () => {
    const application = await outgoing.application({ enabled: false });
    application.answer = (_received, response) => void response.writeHead(202).end('hello');
    const { status, body } = await outgoing.api.client.post(`${path}/${application.endpoint}/test`);
    expect([status, body]).toEqual([
      200,
      { event_id: application.got[0]?.id, status: 202, error: null, took_ms: expect.any(Number), answer: 'hello' },
    ]);
    const [{ text, headers, event }] = application.got as [Received];
    expect(event).toMatchObject({ type: 'test', account_id: null });
    expect(() => new Webhook(application.secret).verify(text, headers as Record<string, string>)).not.toThrow();
  });

  it('that is deleted takes its deliveries with it', async () => {
    const chats = await outgoing.conversations(1);
    const application = await outgoing.application();
    await outgoing.change(chats);
    await takenBy(application, chats, 1);
    expect((await outgoing.api.client.delete(`${path}/${application.endpoint}`)).status).toBe(204);
    const left = await outgoing.api.context.db.system((em) =>
      runSql(em, 'select from webhook_deliveries where endpoint_id = ?', [application.endpoint]),
    );
    expect(left).toEqual([]);
    expect((await outgoing.api.client.get(`${path}/${application.endpoint}`)).status).toBe(404);
  });
});

describe('what a caller sets', () => {
  it.each([
    [{ url: 'ftp://app.example/a' }],
    [{ url: 'https://user:word@app.example/a' }],
    [{ url: 'https://app.example:22/a' }],
    [{ url: 'http://10.0.0.1/a' }],
    [{ url: 'http://169.254.169.254/latest' }],
    [{ url: 'http://[fe80::1]/a' }],
    [{ url: 'https://app.example/a b' }],
    [{ headers: { host: 'a' } }],
    [{ headers: { 'Webhook-Id': 'a' } }],
    [{ headers: { 'x a': 'b' } }],
    [{ headers: { 'x-a': 'b\r\nc: d' } }],
    [{ headers: { 'x-a': 'b', 'X-A': 'c' } }],
    [{ types: ['nothing.happened'] }],
    [{ types: [] }],
  ])('is refused where it is wrong: %j', async (settings) => {
    const body = { url: 'https://app.example/events', ...settings };
    expect((await outgoing.api.client.post(path, body)).status).toBe(422);
  });

  it('shows its secret once, also to one who repeats the request', async () => {
    const body = { url: 'https://app.example/events', enabled: false };
    const key = { 'idempotency-key': 'once' };
    const made = await outgoing.api.client.post(path, body, key);
    const again = await outgoing.api.client.post(path, body, key);
    expect(made.body.secret).toMatch(/^whsec_/);
    expect([again.body.id, again.body.secret]).toEqual([made.body.id, null]);
    expect((await outgoing.api.client.get(`${path}/${made.body.id}`)).body).not.toHaveProperty('secret');
  });
});
