import { createBrowser } from '../../dev/parts/browser.ts';
import { eventually } from '../support/eventually.ts';
import { agree, connectMeta, connectNumber, personOf, titleOf } from '../support/meta.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { everyPage } from '../support/wasender-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

describe('D3: GET /api/platforms/', () => {
  it.each(['', '/'])('lists the accounts of the provider alone, with last_sync_at (slash "%s")', async (slash) => {
    const client = await stack.client(`lists${slash ? ' with a slash' : ''}`);
    const page = await connectMeta(client, 'messenger', personOf('plain'));
    const instagram = await connectMeta(client, 'instagram', personOf('plain'));
    await client.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: 'maya' });
    const { status, body } = await client.get(`/api/platforms${slash}`);
    expect(status).toBe(200);
    expect(body.items.map(({ id }: any) => id)).toEqual([page.id, instagram.id]);
    for (const one of body.items)
      expect(one).toMatchObject({ provider: 'meta', state: 'active', last_sync_at: expect.any(String) });
    const first = await client.get(`/api/platforms${slash}?limit=1`);
    expect([first.body.items.length, first.body.next_cursor]).toEqual([1, expect.any(String)]);
    expect(await everyPage(client, `/api/platforms${slash}`, 1)).toHaveLength(2);
  });
});

describe('D3: POST /api/platforms/{id}/sync', () => {
  it.each(['', '/'])('starts a sync on demand, and says where to watch it (slash "%s")', async (slash) => {
    const account = await connectMeta(stack.api, 'messenger', personOf('plain'));
    const { status, headers, body } = await stack.api.post(`/api/platforms/${account.id}/sync${slash}`);
    expect([status, body.success, body.runs]).toEqual([202, true, [body.run]]);
    expect(headers.get('location')).toBe(`/api/v1/syncs/${body.run.id}`);
    const run = await eventually('the end of the sync', async () => {
      const found = (await stack.api.get(headers.get('location') ?? '')).body;
      return found.state === 'running' ? null : found;
    });
    expect(run).toMatchObject({ state: 'succeeded', kind: 'conversations' });
  });

  it('of a WhatsApp number, which has no history, reads its details', async () => {
    const account = await connectNumber(stack.api);
    const { status, body } = await stack.api.post(`/api/platforms/${account.id}/sync`);
    expect(status).toBe(202);
    const run = await eventually('the end of the sync', async () => {
      const found = (await stack.api.get(`/api/v1/syncs/${body.run.id}`)).body;
      return found.state === 'running' ? null : found;
    });
    expect(run).toMatchObject({ state: 'succeeded', kind: 'details' });
  });

  it('is 404 for an account of another tenant, and for one that is none', async () => {
    const theirs = await stack.client('theirs');
    const account = await connectMeta(theirs, 'messenger', personOf('plain'));
    for (const id of [account.id, 'nobody']) {
      const refused = await stack.api.post(`/api/platforms/${id}/sync`);
      expect([refused.status, refused.body]).toEqual([404, expect.objectContaining({ error: expect.any(String) })]);
    }
  });
});

describe('D3 and A6: DELETE /api/platforms/{id}/disconnect', () => {
  const kept = (id: string): Promise<any> =>
    stack.db.system(async (em) => {
      const [row] = await em.execute('select secret, provider_keys, provider_account_id from accounts where id = ?', [
        id,
      ]);
      return row;
    });

  it.each(['', '/'])(
    'ends the login at Meta, destroys its secrets, and keeps the history (slash "%s")',
    async (slash) => {
      const person = personOf('plain');
      const account = await connectMeta(stack.api, 'messenger', person);
      const { provider_account_id: page } = account;
      await stack.control.post('/messages', { account_id: page, from: '55501', text: 'Kept' });
      await eventually('the message', async () => {
        const { body } = await stack.api.get(`/api/v1/messages?account=${account.id}&limit=200`);
        return body.items.some(({ text }: any) => text === 'Kept');
      });
      const { status, headers, body } = await stack.api.delete(`/api/platforms/${account.id}/disconnect${slash}`);
      expect([status, body.success]).toEqual([202, true]);
      expect(headers.get('location')).toBe(`/api/v1/accounts/${account.id}/attempt`);
      await stack.api.account(account.id, 'disconnected');
      expect(await kept(account.id)).toEqual({ secret: null, provider_keys: null, provider_account_id: null });
      // The app gets no more of the Page's events.
      const before = (await stack.api.get(`/api/v1/messages?account=${account.id}&limit=200`)).body.items.length;
      await stack.control.post('/messages', { account_id: page, from: '55501', text: 'Not for us' });
      await stack.control.get('/deliveries');
      expect((await stack.api.get(`/api/v1/messages?account=${account.id}&limit=200`)).body.items).toHaveLength(before);

      // And the same person can come back.
      const again = (await stack.api.post(`/api/v1/accounts/${account.id}/reconnect`)).body;
      const { step } = await stack.api.step(again.account.id, 'redirect');
      const browser = createBrowser();
      expect(titleOf(await browser.open(await agree(browser, step.url, person)))).toBe('Connected');
      expect((await stack.api.account(account.id, 'active')).provider_account_id).toBe(page);
    },
  );

  it('of one account leaves the others of the same login connected', async () => {
    const person = personOf('plain');
    const page = await connectMeta(stack.api, 'messenger', person);
    const instagram = await connectMeta(stack.api, 'instagram', person);
    await stack.api.delete(`/api/platforms/${page.id}/disconnect`);
    await stack.api.account(page.id, 'disconnected');
    await stack.api.post(`/api/v1/accounts/${instagram.id}/syncs`, { kind: 'details' });
    await stack.control.post('/messages', {
      account_id: instagram.provider_account_id,
      from: '55502',
      text: 'Still there?',
    });
    await eventually('the message', async () => {
      const { body } = await stack.api.get(`/api/v1/messages?account=${instagram.id}&limit=200`);
      return body.items.some(({ text }: any) => text === 'Still there?');
    });
    await stack.api.account(instagram.id, 'active');
  });

  it('with purge deletes what was learned', async () => {
    const account = await connectMeta(stack.api, 'messenger', personOf('plain'));
    await stack.api.delete(`/api/platforms/${account.id}/disconnect?purge=true`);
    await stack.api.account(account.id, 'disconnected');
    expect((await stack.api.get(`/api/v1/messages?account=${account.id}&limit=200`)).body.items).toEqual([]);
  });
});
