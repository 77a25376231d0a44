import { ProviderFailure } from '../../domain/failures.ts';
import { eventually } from '../support/eventually.ts';
import type { ApiClient } from '../support/client.ts';
import { signedForm } from '../providers/fourth-provider/callbacks.ts';
import { login, startPagelinkStack, type PagelinkStack } from '../providers/fourth-provider/stack.ts';
import { upstream } from '../providers/fourth-provider/upstream.ts';

let stack: PagelinkStack;
beforeAll(async () => {
  stack = await startPagelinkStack();
});
afterAll(() => stack?.stop());
afterEach(() => void (upstream.checkFailure = null));

const post = async (path: string, body: URLSearchParams): Promise<{ status: number; body: any }> => {
  const answer = await fetch(new URL(path, stack.api.url), { method: 'POST', body });
  return { status: answer.status, body: await answer.json() };
};
const deauthorize = (user: string, secret = upstream.appSecret) =>
  post('/callbacks/pagelink/deauthorize', signedForm(user, secret));
const requestDeletion = (user: string, issuedAt?: number) =>
  post('/callbacks/pagelink/data-deletion', signedForm(user, upstream.appSecret, issuedAt));

/** Waits until the page of a deletion says that it is done. */
const deleted = (url: string) =>
  eventually(
    'the deletion is done',
    async () => {
      const body: any = await (await fetch(url, { headers: { accept: 'application/json' } })).json();
      return body.state === 'done' ? body : null;
    },
    60_000,
  );

const eventsOf = (type: string, accountId: string) =>
  stack.query('select * from webhook_events where type = ? and account_id = ?', [type, accountId]);

describe('F5: a user who removes the app at the provider', () => {
  it('has every account checked at once: those that lost their login must be reconnected', async () => {
    const ids = [await stack.connected('d-1', 'dan'), await stack.connected('d-2', 'dan')];
    const other = await stack.connected('d-3', 'eve');
    for (const id of ids) upstream.tokens.delete((await stack.keysOf(id))?.apiKey ?? '');
    expect(await deauthorize('dan')).toEqual({ status: 200, body: { received: true } });
    for (const id of ids) {
      expect(await stack.api.account(id, 'reconnect_required')).toMatchObject({ reason: 'login_lost', who: 'owner' });
      // Each request is logged, with what became of it.
      expect(await eventsOf('deauthorized', id)).toMatchObject([{ kind: 'account_status', state: 'processed' }]);
    }
    expect((await stack.account(other)).state).toBe('active');
    expect(await eventsOf('deauthorized', other)).toEqual([]);
  });

  it('moves no account that the provider says works', async () => {
    const id = await stack.connected('d-4', 'finn');
    await deauthorize('finn');
    await eventually('the check', async () => {
      const account = await stack.account(id);
      return account.checkedAt !== null && account.checkRequestedAt === null && account.toldLostAt === null;
    });
    expect((await stack.account(id)).state).toBe('active');
    // D8: what was logged can be replayed.
    upstream.tokens.delete((await stack.keysOf(id))?.apiKey ?? '');
    const { items } = (await stack.api.get(`/api/v1/webhook-events?account=${id}&type=deauthorized`)).body;
    expect(items).toMatchObject([{ state: 'processed', provider: 'pagelink' }]);
    expect((await stack.api.post(`/api/v1/webhook-events/${items[0].id}/replay`)).status).toBe(202);
    await stack.api.account(id, 'reconnect_required');
  });

  it('is believed where the provider cannot be asked', async () => {
    const id = await stack.connected('d-5', 'gil');
    upstream.checkFailure = new ProviderFailure('provider_unavailable', 'Pagelink is down.');
    await deauthorize('gil');
    await stack.api.account(id, 'reconnect_required');
    upstream.checkFailure = null;
    upstream.tokens.delete((await stack.keysOf(id))?.apiKey ?? '');
    await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    await login(stack.api, id, 'back@gil');
    await stack.api.account(id, 'active');
    expect((await stack.account(id)).toldLostAt).toBeNull();
  });

  it('is not believed without the signature of the app', async () => {
    const id = await stack.connected('d-6', 'hal');
    upstream.tokens.delete((await stack.keysOf(id))?.apiKey ?? '');
    for (const wrong of [
      await deauthorize('hal', 'another secret'),
      await deauthorize('hal', ''),
      await post('/callbacks/pagelink/deauthorize', new URLSearchParams({ signed: 'nothing' })),
      await post('/callbacks/pagelink/deauthorize', new URLSearchParams()),
      await post('/callbacks/pagelink/data-deletion', signedForm('hal', 'another secret')),
    ])
      expect(wrong).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect((await post('/callbacks/pagelink/unknown-token/deauthorize', signedForm('hal', 'x'))).status).toBe(404);
    expect((await post('/callbacks/unipile/deauthorize', signedForm('hal', 'x'))).status).toBe(404);
    expect(await stack.account(id)).toMatchObject({ state: 'active', toldLostAt: null, checkRequestedAt: null });
    expect(await stack.query('select from user_requests')).toEqual([]);
  });
});

describe('F5: a user who asks for deletion at the provider', () => {
  const stored = async (id: string): Promise<unknown[]> => {
    const account = await stack.account(id);
    const [{ messages }] = await stack.query(
      'select (select count(*)::int from messages where account_id = ?) as messages',
      [id],
    );
    return [account.state, account.identity, account.providerKeys, account.providerGroups, messages];
  };

  it('has every account disconnected and purged, and is erased; a page shows it until it is done', async () => {
    const ids = [await stack.connected('e-1', 'ida'), await stack.connected('e-2', 'ida')];
    const other = await stack.connected('e-3', 'joe');
    await stack.event({ id: 'user:ida', change: 'hello ida' });
    await stack.event({ id: 'user:joe', change: 'hello joe' });
    // One was disconnected before, with its history kept.
    await stack.api.delete(`/api/v1/accounts/${ids[1]}`);
    await stack.api.account(ids[1]!, 'disconnected');
    expect((await stored(ids[1]!)).at(-1)).toBe(1);

    const { status, body } = await requestDeletion('ida');
    expect(status).toBe(200);
    expect(body.url).toBe(`${stack.config.PUBLIC_URL}/callbacks/pagelink/data-deletion/${body.confirmation_code}`);
    expect(body.confirmation_code).toMatch(/^[\w-]{32}$/);
    const done = await deleted(body.url);
    expect(done).toMatchObject({ confirmation_code: body.confirmation_code, requested_at: expect.any(String) });
    for (const id of ids) expect(await stored(id)).toEqual(['disconnected', null, null, [], 0]);
    expect((await stored(other)).at(-1)).toBe(1);
    const { tenantId } = await stack.account(other);
    const erasures = await stack.query('select state from erasures where tenant_id = ?', [tenantId]);
    expect(erasures).toEqual([{ state: 'done' }]);
    const [line] = await stack.query(`select kind, data from tenant_events where tenant_id = ? order by id`, [
      tenantId,
    ]);
    expect(line).toEqual({ kind: 'deletion_requested', data: { provider: 'pagelink' } });
    // The end is noted, and the request goes after half a year.
    await eventually('the end is noted', async () => {
      const [row] = await stack.query('select done_at, expires_at from user_requests where code = ?', [
        body.confirmation_code,
      ]);
      return row.done_at !== null && row.expires_at !== null;
    });
  });

  it('gets the same code for the same request, and for another one while the first is not done', async () => {
    const id = await stack.connected('e-4', 'kim');
    const issuedAt = Date.now();
    const answers = await Promise.all([1, 2, 3].map(() => requestDeletion('kim', issuedAt)));
    const codes = new Set(answers.map(({ body }) => body.confirmation_code));
    expect(codes.size).toBe(1);
    await deleted(answers[0]!.body.url);
    const attempts = await stack.query(
      `select from connection_attempts where account_id = ? and operation = 'disconnect'`,
      [id],
    );
    expect(attempts).toHaveLength(1);
    // Sent again once all is over: the person may have connected anew since.
    const again = await stack.connected('e-4', 'kim');
    expect((await requestDeletion('kim', issuedAt)).body.confirmation_code).toBe([...codes][0]);
    expect((await stack.account(again)).state).toBe('active');
    await eventually('the end is noted', async () => {
      const [row] = await stack.query('select done_at from user_requests where code = ?', [[...codes][0]]);
      return row.done_at !== null;
    });
    const later = await requestDeletion('kim', issuedAt + 1);
    expect(codes.has(later.body.confirmation_code)).toBe(false);
    await deleted(later.body.url);
    expect((await stack.account(again)).state).toBe('disconnected');
  });

  it('of whom nothing is stored is answered as done', async () => {
    const { body } = await requestDeletion('nobody');
    expect((await deleted(body.url)).state).toBe('done');
  });

  it('whose accounts were not disconnected when the process ended has it done later', async () => {
    const id = await stack.connected('e-5', 'lea');
    const { body } = await requestDeletion('lea');
    await deleted(body.url);
    const [request] = await stack.query('select id, tenant_id from user_requests where code = ?', [
      body.confirmation_code,
    ]);
    // As if it had ended before it disconnected this one.
    const late = await stack.connected('e-6', 'lea');
    const { tenantId } = await stack.account(late);
    await stack.query('update user_requests set done_at = null where id = ?', [request.id]);
    await stack.query(
      'insert into user_request_parts (id, request_id, tenant_id, account_id) values (gen_random_uuid(), ?, ?, ?)',
      [request.id, tenantId, late],
    );
    await stack.api.account(late, 'disconnected');
    await deleted(body.url);
    expect((await stored(id)).at(-1)).toBe(0);
  });

  it('shows the page to browsers without a script, and nothing to those who guess', async () => {
    const { body } = await requestDeletion('mia');
    const page = await fetch(body.url, { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await page.text();
    expect(html).toContain(body.confirmation_code);
    expect(html).not.toContain('<script');
    for (const code of ['unknown', `${body.confirmation_code}x`, 'x%00', '%F0'])
      expect((await fetch(`${stack.api.url}/callbacks/pagelink/data-deletion/${code}`)).status).toBeGreaterThan(399);
  });
});

describe('SECURITY: a request about a user', () => {
  let tenant: ApiClient;
  let addresses: { deauthorize: string; data_deletion: string };
  beforeAll(async () => {
    tenant = await stack.client('callback-tenant');
    await tenant.put('/api/v1/providers/pagelink', { app_id: '303', app_secret: 'own secret' });
    addresses = (await tenant.get('/api/v1/providers/pagelink')).body.callback_addresses;
  });

  it('1: reaches the accounts of its own credentials alone', async () => {
    const [own, foreign] = [await stack.connected('f-1', 'nia', tenant), await stack.connected('f-2', 'nia')];
    expect(addresses.deauthorize).toMatch(/\/callbacks\/pagelink\/[\w-]+\/deauthorize$/);
    // The installation's secret does not count at a tenant's address, nor the other way round.
    expect((await post(addresses.data_deletion, signedForm('nia', upstream.appSecret))).status).toBe(401);
    expect((await post('/callbacks/pagelink/data-deletion', signedForm('nia', 'own secret'))).status).toBe(401);
    const { body } = await post(addresses.data_deletion, signedForm('nia', 'own secret'));
    await deleted(body.url);
    expect((await stack.account(own)).state).toBe('disconnected');
    expect((await stack.account(foreign)).state).toBe('active');
    const seen = async (client: ApiClient): Promise<number> =>
      (await client.get('/api/v1/erasures?limit=100')).body.items.length;
    const before = await seen(stack.api);
    expect(await seen(tenant)).toBe(1);
    expect(await seen(stack.api)).toBe(before);
    // At the installation's address it reaches those of every tenant that uses the installation's credentials.
    const second = await stack.client('second-tenant');
    const there = await stack.connected('f-3', 'nia', second);
    const all = await requestDeletion('nia');
    await deleted(all.body.url);
    for (const id of [foreign, there]) expect((await stack.account(id)).state).toBe('disconnected');
    expect((await second.get('/api/v1/erasures')).body.items).toMatchObject([{ state: 'done' }]);
  });

  it('12: is answered with an address from PUBLIC_URL alone', async () => {
    const answer = await fetch(new URL('/callbacks/pagelink/data-deletion', stack.api.url), {
      method: 'POST',
      headers: { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
      body: signedForm('olga', upstream.appSecret),
    });
    expect(((await answer.json()) as any).url.startsWith(`${stack.config.PUBLIC_URL}/`)).toBe(true);
  });

  it('14: leaves the user nowhere in the clear once it is done', async () => {
    const user = `canary-${Date.now()}`;
    await stack.connected('f-4', user);
    const { body } = await requestDeletion(user);
    await deleted(body.url);
    for (const table of ['user_requests', 'user_request_parts', 'webhook_events', 'webhook_requests', 'tenant_events'])
      expect([table, await stack.query(`select from ${table} t where t::text like ?`, [`%${user}%`])]).toEqual([
        table,
        [],
      ]);
  });

  it('30: changes nothing by GET or HEAD', async () => {
    const id = await stack.connected('f-5', 'pia');
    const form = signedForm('pia', upstream.appSecret).toString();
    for (const method of ['GET', 'HEAD'])
      for (const path of ['deauthorize', 'data-deletion']) {
        const { status } = await fetch(`${stack.api.url}/callbacks/pagelink/${path}?${form}`, { method });
        expect(status).toBe(405);
      }
    expect((await stack.account(id)).state).toBe('active');
  });
});
