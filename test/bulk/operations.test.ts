import { eventually } from '../support/eventually.ts';
import type { ApiClient } from '../support/client.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { linkedin, upstreamOf } from '../support/unipile-account.ts';
import { runSql } from '../support/run-sql.ts';

let stack: TestStack;
let other: ApiClient;
let theirs: string;
beforeAll(async () => {
  stack = await startTestStack();
  other = await stack.client('others');
  theirs = await connected(other, 'theirs');
});
afterAll(() => stack?.stop());

let names = 0;
const newName = (): string => `bulk${(names += 1)}`;
async function connected(client: ApiClient, name = newName(), owner = 'maya'): Promise<string> {
  const { body } = await client.post('/api/v1/accounts', { ...linkedin('plain', name), owner });
  await client.account(body.account.id, 'active');
  return body.account.id;
}
const start = (body: object, client = stack.api) => client.post('/api/v1/bulk-operations', body);
const show = async (id: string, client = stack.api): Promise<any> =>
  (await client.get(`/api/v1/bulk-operations/${id}`)).body;
const until = (id: string, state: string, client = stack.api): Promise<any> =>
  eventually(`the operation to be ${state}`, async () => {
    const found = await show(id, client);
    return found.state === state ? found : null;
  });
const itemsOf = async (id: string, query = ''): Promise<any[]> =>
  (await stack.api.get(`/api/v1/bulk-operations/${id}/items?limit=200${query}`)).body.items;
const attemptsOf = (id: string): Promise<any[]> =>
  stack.worker.context.db.system((em) =>
    runSql<any>(em, 'select * from connection_attempts where account_id = ? order by number', [id]),
  );

describe('A14: bulk operations over many accounts', () => {
  it('say in a dry run what they would do, and do nothing', async () => {
    const owner = newName();
    const works = await connected(stack.api, newName(), owner);
    const lost = await connected(stack.api, newName(), owner);
    await stack.control.post('/drop', { account_id: await upstreamOf(stack.api, lost), status: 'CREDENTIALS' });
    await stack.api.account(lost, 'reconnect_required');
    const { status, body } = await start({ operation: 'reconnect', filter: { owner }, dry_run: true });
    expect(status).toBe(200);
    expect(body).toEqual({
      dry_run: true,
      matching: 2,
      asked: 1,
      skipped: [{ reason: 'account_connected', count: 1, what_it_means: 'The account works.', examples: [works] }],
      examples: [lost],
    });
    expect(await attemptsOf(lost)).toHaveLength(1);
  });

  it('set a label, show progress, and tell the feed', async () => {
    const owner = newName();
    const [one, two] = [await connected(stack.api, newName(), owner), await connected(stack.api, newName(), owner)];
    const { status, body, headers } = await start({ operation: 'label', label: 'Sales', filter: { owner } });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/api/v1/bulk-operations/${body.id}`);
    expect(await until(body.id, 'done')).toMatchObject({
      operation: 'label',
      label: 'Sales',
      filter: { owner },
      counts: { total: 2, waiting: 0, asked: 0, done: 2, failed: 0, skipped: 0 },
      progress: 1,
      ended_at: expect.any(String),
    });
    for (const id of [one, two]) expect((await stack.api.get(`/api/v1/accounts/${id}`)).body.label).toBe('Sales');
    expect((await stack.api.get('/api/v1/accounts?label=Sales')).body.items).toHaveLength(2);
    expect((await stack.api.get(`/api/v1/accounts?q=${owner.toUpperCase()}`)).body.items).toHaveLength(2);
    const events = await eventually('its events', async () => {
      const found = (await stack.api.get('/api/v1/events?types=bulk.started,bulk.ended&limit=200')).body.items;
      const own = found.filter((event: any) => event.data.bulk_id === body.id);
      return own.length === 2 ? own : null;
    });
    expect(events[1]).toMatchObject({
      type: 'bulk.ended',
      account_id: null,
      data: { state: 'done', counts: { done: 2 } },
    });
    const again = await start({ operation: 'label', label: 'Sales', filter: { owner } });
    expect(await until(again.body.id, 'done')).toMatchObject({
      skipped: [{ reason: 'already_done', count: 2 }],
    });
    const removed = await start({ operation: 'label', label: null, filter: { ids: [one] } });
    await until(removed.body.id, 'done');
    expect((await stack.api.get(`/api/v1/accounts/${one}`)).body.label).toBeNull();
  });

  it.each(['sync_details', 'sync_conversations'])(
    '%s starts a sync of each account that can have it',
    async (operation) => {
      const owner = newName();
      const id = await connected(stack.api, newName(), owner);
      const { body } = await start({ operation, filter: { owner, channel: 'linkedin' } });
      const ended = await until(body.id, 'done');
      expect(ended.counts.total).toBe(1);
      const [item] = await itemsOf(body.id);
      expect(item).toMatchObject({ account_id: id, state: 'done', tries: 1 });
      expect((await stack.api.get(`/api/v1/syncs/${item.request_id}`)).body).toMatchObject({
        kind: operation.slice('sync_'.length),
        state: 'succeeded',
      });
    },
  );

  it('skips accounts whose provider has no address book', async () => {
    const owner = newName();
    await connected(stack.api, newName(), owner);
    const { body } = await start({ operation: 'sync_contacts', filter: { owner } });
    expect(await until(body.id, 'done')).toMatchObject({
      counts: { total: 1, skipped: 1 },
      skipped: [{ reason: 'unsupported', count: 1 }],
    });
  });

  it('reconnects what the provider can restart, names failures by reason, and retries them', async () => {
    const owner = newName();
    const [lost, dead] = [await connected(stack.api, newName(), owner), await connected(stack.api, newName(), owner)];
    for (const id of [lost, dead]) {
      await stack.control.post('/drop', { account_id: await upstreamOf(stack.api, id), status: 'CREDENTIALS' });
      await stack.api.account(id, 'reconnect_required');
    }
    const { body } = await start({ operation: 'reconnect', filter: { owner } });
    const first = await until(body.id, 'done');
    expect(first).toMatchObject({ counts: { failed: 2 }, failed: [{ reason: 'login_lost', count: 2 }] });
    await stack.control.post('/drop', { account_id: await upstreamOf(stack.api, lost), status: 'OK' });
    await stack.api.account(lost, 'active');
    const { status } = await stack.api.post(`/api/v1/bulk-operations/${body.id}/retry`, { reason: 'login_lost' });
    expect(status).toBe(200);
    const second = await eventually('the retry', async () => {
      const found = await show(body.id);
      return found.state === 'done' && found.counts.skipped === 1 ? found : null;
    });
    expect(second).toMatchObject({ counts: { failed: 1 }, skipped: [{ reason: 'account_connected', count: 1 }] });
    expect(await itemsOf(body.id, '&state=failed')).toMatchObject([{ account_id: dead, tries: 2 }]);
    const nothing = await stack.api.post(`/api/v1/bulk-operations/${body.id}/retry`, { reason: 'no_such' });
    expect([nothing.status, nothing.body.code]).toEqual([409, 'operation_ended']);
  });

  it('decides again when the turn of an account comes', async () => {
    const owner = newName();
    const ids = [await connected(stack.api, newName(), owner), await connected(stack.api, newName(), owner)];
    // Six accounts a minute: the second one changes before its turn.
    const { body } = await start({ operation: 'label', label: 'New', filter: { owner }, per_minute: 6 });
    await eventually('the first turn', async () => (await show(body.id)).counts.done === 1);
    const [waiting] = await itemsOf(body.id, '&state=waiting');
    await stack.api.patch(`/api/v1/accounts/${waiting.account_id}`, { owner: 'another' });
    await stack.api.post(`/api/v1/bulk-operations/${body.id}/pause`);
    expect(await show(body.id)).toMatchObject({ state: 'paused', counts: { waiting: 1 } });
    await stack.api.post(`/api/v1/bulk-operations/${body.id}/resume`);
    expect(await until(body.id, 'done')).toMatchObject({
      counts: { total: 2, done: 1, skipped: 1 },
      skipped: [{ reason: 'no_match', count: 1 }],
    });
    expect(ids).toContain(waiting.account_id);
  });

  it('disconnects, and purges', async () => {
    const owner = newName();
    const id = await connected(stack.api, newName(), owner);
    const disconnected = await start({ operation: 'disconnect', filter: { owner } });
    expect(await until(disconnected.body.id, 'done')).toMatchObject({ counts: { done: 1 } });
    await stack.api.account(id, 'disconnected');
    const purged = await start({ operation: 'purge', filter: { owner } });
    expect(await until(purged.body.id, 'done')).toMatchObject({ counts: { done: 1 } });
    expect((await attemptsOf(id)).at(-1)).toMatchObject({ operation: 'disconnect', purge: true, state: 'succeeded' });
  });

  it('ends at once where the filter finds nothing', async () => {
    const { body } = await start({ operation: 'reconnect', filter: { owner: 'nobody-has-this' } });
    expect(await until(body.id, 'done')).toMatchObject({ counts: { total: 0 }, progress: 1 });
    expect((await stack.api.post(`/api/v1/bulk-operations/${body.id}/cancel`)).body.code).toBe('operation_ended');
  });

  it.each([
    [{ operation: 'reconnect', filter: { stat: 'active' } }, 422],
    [{ operation: 'reconnect', filter: { state: 'gone' } }, 422],
    [{ operation: 'reconnect', filter: { provider: 'nowhere' } }, 422],
    [{ operation: 'reconnect' }, 422],
    [{ operation: 'explode', filter: {} }, 422],
    [{ operation: 'label', filter: {} }, 422],
    [{ operation: 'disconnect', filter: {}, label: 'x' }, 422],
    [{ operation: 'disconnect', filter: {}, person: { phone: '+33639980100' } }, 422],
    [{ operation: 'export', filter: {} }, 422],
    [{ operation: 'reconnect', filter: { ids: ['01900000-0000-7000-8000-000000000000'] } }, 404],
  ])('refuses %j', async (body, status) => {
    expect((await start(body)).status).toBe(status);
  });

  it('never touch accounts of another tenant, nor show an operation to one', async () => {
    const { body } = await start({ operation: 'label', label: 'Mine', filter: {} });
    await until(body.id, 'done');
    expect((await other.get(`/api/v1/accounts/${theirs}`)).body.label).not.toBe('Mine');
    expect((await start({ operation: 'label', label: 'x', filter: { ids: [theirs] } })).status).toBe(404);
    for (const path of ['', '/items'])
      expect((await other.get(`/api/v1/bulk-operations/${body.id}${path}`)).status).toBe(404);
    for (const word of ['pause', 'resume', 'cancel', 'retry'])
      expect((await other.post(`/api/v1/bulk-operations/${body.id}/${word}`)).status).toBe(404);
    expect((await other.get('/api/v1/bulk-operations')).body.items).toEqual([]);
  });

  it('begins once under an Idempotency-Key, and a few at a time', async () => {
    const owner = newName();
    await connected(stack.api, newName(), owner);
    const client = await stack.client('many-at-once');
    const key = { 'idempotency-key': newName() };
    const body = { operation: 'label', label: 'x', filter: { owner } };
    const [one, two] = [
      await client.post('/api/v1/bulk-operations', body, key),
      await client.post('/api/v1/bulk-operations', body, key),
    ];
    expect(two.body.id).toBe(one.body.id);
    await stack.worker.stop();
    const answers = [];
    for (let n = 0; n < 7; n += 1)
      answers.push((await start({ operation: 'label', label: `${n}`, filter: {} }, client)).status);
    expect(answers.filter((status) => status === 409).length).toBeGreaterThan(0);
    expect(answers.slice(0, 4)).toEqual([202, 202, 202, 202]);
    stack.worker = await stack.startWorker();
  });
});
