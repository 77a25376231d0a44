import { readDocument } from '../api/openapi.ts';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { everyPage, wasenderAccount } from '../support/wasender-account.ts';

let stack: TestStack;
let account: string;
let session: string;
let known: any;
beforeAll(async () => {
  stack = await startTestStack();
  ({ id: account, session } = await wasenderAccount(stack, stack.api, { size: 40, seed: 'sync', nameless: 0.2 }));
  known = (await everyPage(stack.api, '/api/v1/contacts')).find((one) => one.saved_name && one.phone_number);
});
afterAll(() => stack?.stop());

const start = (body: object, wait = 20) => stack.api.post(`/api/v1/accounts/${account}/syncs?wait=${wait}`, body);
const unknownNumber = '+15550099990';

describe('B1: a sync of all contacts', () => {
  it('ends with the five counts and the outcome of each contact', async () => {
    const { status, body } = await start({ kind: 'contacts' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      account_id: account,
      kind: 'contacts',
      scope: null,
      state: 'succeeded',
      progress: 1,
      stats: { total_fetched: 40, successful_updates: 40, failed_updates: 0, inserted: 0, updated: 0, unchanged: 40 },
      reason: null,
    });
    const { contacts_with_names: named, contacts_without_names: nameless } = body.stats;
    expect([named + nameless, nameless > 0]).toEqual([40, true]);
    expect((await stack.api.get(`/api/v1/syncs/${body.id}`)).body).toEqual(body);
  });

  it('is refused when it is impossible', async () => {
    const code = async (body: object, id = account) => {
      const answer = await stack.api.post(`/api/v1/accounts/${id}/syncs`, body);
      return [answer.status, answer.body.code];
    };
    expect(await code({ kind: 'everything' })).toEqual([422, 'unsupported']);
    expect(await code({ kind: 'contacts', scope: { phone: 'none' } })).toEqual([422, 'invalid_request']);
    expect(await code({ kind: 'contacts', scope: { phone: 5 } })).toEqual([422, 'invalid_request']);
    expect(await code({ kind: 'contacts', scope: { phone: unknownNumber, group: 'vip' } })).toEqual([
      422,
      'invalid_request',
    ]);
    expect(await code({ kind: 'contacts', scope: { planet: 'Mars' } })).toEqual([422, 'invalid_request']);
    expect(await code({ kind: 'details', scope: { group: 'vip' } })).toEqual([422, 'unsupported']);

    const begun = {
      provider: 'wasender',
      channel: 'whatsapp',
      owner: 'ola',
      credentials: { phone_number: '+33639984099' },
    };
    const unlinked = (await stack.api.post('/api/v1/accounts', begun)).body.account.id;
    expect(await code({ kind: 'contacts' }, unlinked)).toEqual([409, 'account_not_connected']);
    const unipile = await stack.api.post('/api/v1/accounts', {
      provider: 'unipile',
      channel: 'whatsapp',
      owner: 'ola',
    });
    expect(await code({ kind: 'contacts' }, unipile.body.account.id)).toEqual([422, 'unsupported']);
  });
});

describe('B2: a sync of one contact', () => {
  it('takes a number in any spacing, and returns its contact', async () => {
    const { body } = await start({ kind: 'contacts', scope: { phone: known.display_phone } });
    expect(body).toMatchObject({
      scope: { phone: known.phone_number },
      state: 'succeeded',
      stats: { total_fetched: 1 },
    });
  });

  it('does not count as the last sync of all contacts', async () => {
    const before = (await stack.api.get('/api/v1/contacts/stats')).body;
    const { body } = await start({ kind: 'contacts', scope: { phone: known.phone_number } });
    const after = (await stack.api.get('/api/v1/contacts/stats')).body;
    expect(body.state).toBe('succeeded');
    expect([after.last_sync, after.last_runs]).toEqual([before.last_sync, before.last_runs]);
  });

  it('fails with a reason for an unknown number', async () => {
    const { body } = await start({ kind: 'contacts', scope: { phone: unknownNumber } });
    expect(body).toMatchObject({ state: 'failed', reason: 'not_found', what_to_do: expect.any(String) });
  });
});

describe('B12: a sync of a group', () => {
  it('fetches its contacts only', async () => {
    await stack.api.patch(`/api/v1/contacts/${known.id}`, { groups: ['vip'] });
    const { body } = await start({ kind: 'contacts', scope: { group: 'vip' } });
    expect(body).toMatchObject({ scope: { group: 'vip' }, state: 'succeeded', stats: { total_fetched: 1 } });
  });
});

describe('the runs of syncs', () => {
  it('are listed by account, kind and state, newest first', async () => {
    const runs = await everyPage(stack.api, `/api/v1/syncs?account=${account}&kind=contacts`, 2);
    expect(runs.map(({ kind }) => kind)).toEqual(runs.map(() => 'contacts'));
    const ids: string[] = runs.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((one, two) => (one < two ? 1 : -1)));
    expect((await everyPage(stack.api, '/api/v1/syncs?state=failed')).map(({ reason }) => reason)).toContain(
      'not_found',
    );
    await start({ kind: 'details' });
    const details = await everyPage(stack.api, `/api/v1/accounts/${account}/syncs?kind=details`);
    expect(details).toMatchObject([{ kind: 'details', scope: null, state: 'succeeded', progress: 1 }]);
    expect((await stack.api.get('/api/v1/syncs?kind=nonsense')).status).toBe(422);
  });

  it('are cancelled while they run, keep stored contacts, and make room for the next', async () => {
    await stack.control.put('/address-book', { session, size: 3_000, seed: 'long' });
    const fault = { provider: 'wasender', route: 'GET /api/contacts', rate_429: 1 };
    await stack.control.put('/faults', fault);
    const { body: run } = await start({ kind: 'contacts' }, 0);
    expect(run).toMatchObject({ state: 'running', ended_at: null });
    const cancelled = await stack.api.post(`/api/v1/syncs/${run.id}/cancel`);
    expect(cancelled).toMatchObject({ status: 200, body: { id: run.id, state: 'cancelled', reason: 'cancelled' } });
    const late = await stack.api.post(`/api/v1/syncs/${run.id}/cancel`);
    expect(late).toMatchObject({ status: 409, body: { code: 'sync_ended' } });
    await stack.control.put('/faults', { provider: 'wasender' });
    const next = (await start({ kind: 'contacts' }, 0)).body;
    expect(next.id).not.toBe(run.id);
    const ended = await eventually('the next sync', async () => {
      const { body } = await stack.api.get(`/api/v1/syncs/${next.id}`);
      return body.state === 'running' ? null : body;
    });
    expect(ended).toMatchObject({ state: 'succeeded', stats: { total_fetched: 3_000 } });
    expect((await stack.api.get(`/api/v1/syncs/${run.id}`)).body.state).toBe('cancelled');
  });

  it('are invisible to other tenants', async () => {
    const other = await stack.client('someone else');
    const { body: run } = await start({ kind: 'contacts', scope: { group: 'vip' } });
    expect((await other.get(`/api/v1/syncs/${run.id}`)).status).toBe(404);
    expect((await other.post(`/api/v1/syncs/${run.id}/cancel`)).status).toBe(404);
    expect((await other.get('/api/v1/syncs')).body.items).toEqual([]);
  });
});

describe('the documented paths of contacts', () => {
  const documented = async (method: string, path: string, answer: { status: number; body: any }) => {
    const { operations, wrongWith } = await readDocument(stack.api);
    const operation = operations.find(({ name }) => name === `${method} ${path}`)!;
    expect(wrongWith(operation, answer.status, answer.body)).toBeNull();
  };

  it.each(['', '/'])(
    'B1: POST /api/sync/wasender-contacts sums every connected account (slash "%s")',
    async (slash) => {
      const client = await stack.client(`sums${slash.length}`);
      const [one, two] = [
        await wasenderAccount(stack, client, { size: 4, seed: 'one', nameless: 1 }),
        await wasenderAccount(stack, client, { size: 6, seed: 'two', nameless: 0 }),
      ];
      const unlinked = { phone_number: `+3363998409${slash.length}` };
      await client.post('/api/v1/accounts', {
        provider: 'wasender',
        channel: 'whatsapp',
        owner: 'ola',
        credentials: unlinked,
      });
      await client.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: 'ola' });
      const answer = await client.post(`/api/sync/wasender-contacts${slash}`);
      expect(answer).toMatchObject({
        status: 200,
        body: {
          status: 'success',
          left_out: 1,
          message: expect.stringContaining('10'),
          stats: {
            total_fetched: 10,
            successful_updates: 10,
            failed_updates: 0,
            contacts_with_names: 6,
            contacts_without_names: 4,
          },
        },
      });
      expect(answer.body.runs.map((run: any) => run.account_id).sort()).toEqual([one.id, two.id].sort());
      await documented('POST', '/api/sync/wasender-contacts', answer);
    },
  );

  it('B1: answers 202 with the runs to poll when they take longer than the request waits', async () => {
    const client = await stack.client('slow');
    const slow = await wasenderAccount(stack, client, { size: 3, seed: 'slow' });
    await stack.control.put('/faults', { provider: 'wasender', route: 'GET /api/contacts', rate_500: 1 });
    const answer = await client.post('/api/sync/wasender-contacts');
    await stack.control.put('/faults', { provider: 'wasender' });
    expect(answer).toMatchObject({
      status: 202,
      body: { status: 'running', runs: [{ account_id: slow.id, state: 'running' }] },
    });
    await documented('POST', '/api/sync/wasender-contacts', answer);
    await client.post(`/api/v1/syncs/${answer.body.runs[0].id}/cancel`);
  });

  it('B2: POST /api/sync/wasender-contact/{phone_number} returns the contact', async () => {
    const client = await stack.client('one by one');
    const { id } = await wasenderAccount(stack, client, { size: 5, seed: 'single', lid_only: 0 });
    const one = (await everyPage(client, '/api/v1/contacts')).find((contact) => contact.phone_number);
    for (const phone of [one.phone_number, encodeURIComponent(one.display_phone), one.phone_number.slice(1)]) {
      const answer = await client.post(`/api/sync/wasender-contact/${phone}`);
      expect(answer).toMatchObject({
        status: 200,
        body: { status: 'success', contact: { id: one.id, account_id: id, phone_number: one.phone_number } },
      });
      await documented('POST', '/api/sync/wasender-contact/{phone_number}', answer);
    }
    const v1 = await client.post('/api/v1/contacts/sync', { phone_number: one.phone_number, account: id });
    expect(v1).toMatchObject({ status: 200, body: { contact: { id: one.id }, runs: [{ state: 'succeeded' }] } });
    await documented('POST', '/api/v1/contacts/sync', v1);

    expect(await client.post(`/api/sync/wasender-contact/${unknownNumber}`)).toMatchObject({
      status: 404,
      body: { error: expect.any(String), code: 'not_found' },
    });
    for (const wrong of ['nobody', '12', '%2B12a4567', '1'.repeat(30)])
      expect(await client.post(`/api/sync/wasender-contact/${wrong}`)).toMatchObject({
        status: 422,
        body: { error: expect.stringContaining('phone') },
      });
  });

  it.each(['', '/'])('B4: GET /api/sync/status returns availability and the last sync (slash "%s")', async (slash) => {
    const path = `/api/sync/status${slash}`;
    const fresh = await stack.client('fresh');
    const none = { wasender_configured: true, sync_available: false, last_sync: null };
    expect((await fresh.get(path)).body).toEqual({ status: 'success', data: none });
    const answer = await stack.api.get(path);
    expect(answer).toMatchObject({
      status: 200,
      body: { data: { wasender_configured: true, sync_available: true } },
    });
    const runs = await everyPage(stack.api, '/api/v1/syncs?kind=contacts&state=succeeded');
    const last = runs.find(({ scope }) => scope === null);
    expect(answer.body.data.last_sync).toBe(last.ended_at);
    await documented('GET', '/api/sync/status', answer);
    // An empty list is no failure.
    expect((await fresh.post('/api/sync/wasender-contacts')).body).toMatchObject({
      status: 'success',
      stats: { total_fetched: 0 },
      left_out: 0,
    });
  });
});
