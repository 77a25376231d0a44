import { request } from 'node:http';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const login = (name: string) => ({
  provider: 'unipile',
  channel: 'linkedin',
  owner: 'maya',
  credentials: { username: `plain@${name}.example`, password: 'correct horse' },
});
async function connected(name: string, client = stack.api): Promise<any> {
  const { body } = await client.post('/api/v1/accounts', login(name));
  return client.account(body.account.id, 'active');
}

/** The webhook address and secrets of the installation or a tenant. */
async function hook(tenantId: string | null = null): Promise<{ url: string; secrets: string[] }> {
  const { db, vault } = stack.worker.context;
  const row = await db.system((em) => em.findOneOrFail(ProviderCredentials, { provider: 'unipile', tenantId }));
  return {
    url: webhookAddress(stack.api.url, 'unipile', row.webhookToken),
    secrets: webhookSecretsOf(await vault.keysOf(db, tenantId), row),
  };
}
const send = async (url: string, secret: string, account: string, message: string): Promise<number> => {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'patchbay-webhook-secret': secret },
    body: JSON.stringify({ AccountStatus: { account_id: account, account_type: 'LINKEDIN', message } }),
  });
  return answer.status;
};
const eventsOf = async (id: string): Promise<any[]> =>
  (await stack.api.get(`/api/v1/webhook-events?account=${id}&limit=200`)).body.items;

describe('SECURITY 3: unsigned webhooks', () => {
  it("change nothing of another tenant's account, even with a right secret", async () => {
    const account = await connected('victim');
    const { db } = stack.worker.context;
    // The connection's own checks have ended: from here on only an event would cause one.
    await eventually('rest after the connection', async () => {
      const [row] = await db.system((em) =>
        em.execute(
          `select 1 from accounts a where id = ? and details_at is not null and check_requested_at is null
             and not exists (select from sync_runs where account_id = a.id and state = 'running')
             and exists (select from webhook_events where account_id = a.id)
             and not exists (select from webhook_events where account_id = a.id and owes_signal)`,
          [account.id],
        ),
      );
      return row;
    });
    const other = await stack.client('attacker');
    await other.put('/api/v1/providers/unipile', {
      dsn: stack.config.providers['unipile']?.['dsn'],
      access_token: 'sandbox-key',
    });
    const tenant = (await other.get('/api/v1/api-keys')).body.items[0];
    expect(tenant).toBeDefined();
    const own = await db.system((em) => em.findOneOrFail(ProviderCredentials, { tenantId: { $ne: null } }));
    const { url, secrets } = await hook(own.tenantId);
    // The provider would confirm it: the account did lose its login.
    await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
    await stack.control.post('/drop', { account_id: account.provider_account_id, status: 'CREDENTIALS' });
    expect(await send(url, secrets[0] ?? '', account.provider_account_id, 'CREDENTIALS')).toBe(200);
    expect((await stack.api.get(`/api/v1/accounts/${account.id}`)).body.state).toBe('active');
    await stack.control.put('/faults', { provider: 'unipile' });
    const [stored] = await db.system((em) =>
      em.execute('select state, account_id from webhook_events where credentials_id = ?', [own.id]),
    );
    expect(stored).toMatchObject({ state: 'unmatched', account_id: null });
  });

  it.each(['CREDENTIALS', 'ERROR', 'DELETED'])(
    'with the status %s act only when the provider confirms it',
    async (word) => {
      const account = await connected(`forged-${word.toLowerCase()}`);
      const { url, secrets } = await hook();
      const checks = await stack.control.count('GET', '/api/v1/accounts/:id');
      expect(await send(url, secrets[0] ?? '', account.provider_account_id, word)).toBe(200);
      await eventually('the check', async () => (await stack.control.count('GET', '/api/v1/accounts/:id')) > checks);
      await eventually('the event', async () => (await eventsOf(account.id)).length > 0);
      const after = (await stack.api.get(`/api/v1/accounts/${account.id}`)).body;
      expect([after.state, after.provider_account_id]).toEqual(['active', account.provider_account_id]);
    },
  );

  it('have two secrets during a rotation, and the provider gets the new one by itself', async () => {
    const account = await connected('rotated');
    const { url, secrets: before } = await hook();
    expect(before).toHaveLength(1);
    expect((await stack.api.post('/api/v1/providers/unipile/rotate-webhook-secret')).status).toBe(202);
    const { secrets: during } = await hook();
    expect(during).toEqual([expect.any(String), before[0]]);
    for (const secret of during) expect(await send(url, secret, account.provider_account_id, 'OK')).toBe(200);
    expect(await send(url, 'another', account.provider_account_id, 'OK')).toBe(401);

    const registered = async (): Promise<string> => JSON.stringify((await stack.provider('GET', '/webhooks')).body);
    // Its webhooks are registered one after the other.
    await eventually('the new secret alone at the provider', async () => {
      const now = await registered();
      return now.includes(during[0] ?? '-') && !now.includes(before[0] ?? '-');
    });
    await stack.control.post('/drop', { account_id: account.provider_account_id, status: 'CONNECTING' });
    await stack.api.account(account.id, 'degraded');

    await stack.api.post('/api/v1/providers/unipile/rotate-webhook-secret');
    expect(await send(url, before[0] ?? '', account.provider_account_id, 'OK')).toBe(401);
    expect(await send(url, during[0] ?? '', account.provider_account_id, 'OK')).toBe(200);
  });

  it("let only operators rotate the installation's secret", async () => {
    const admin = await stack.client('an-admin', ['read', 'write', 'admin']);
    expect((await admin.post('/api/v1/providers/unipile/rotate-webhook-secret')).status).toBe(403);
  });
});

describe('SECURITY 12: addresses that we register', () => {
  it('come from PUBLIC_URL alone, whatever the Host headers of a request', async () => {
    const { hostname, port } = new URL(stack.api.url);
    const answer = await new Promise<string>((resolve, reject) => {
      const asked = request(
        {
          hostname,
          port,
          path: '/api/v1/accounts',
          method: 'POST',
          headers: {
            host: 'evil.example',
            'x-forwarded-host': 'evil.example',
            'x-forwarded-proto': 'https',
            forwarded: 'host=evil.example',
            authorization: `Bearer ${stack.api.key}`,
            'content-type': 'application/json',
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => (text += part));
          response.on('end', () => resolve(text));
        },
      );
      asked.on('error', reject);
      asked.end(JSON.stringify({ provider: 'unipile', channel: 'whatsapp', owner: 'maya' }));
    });
    expect(JSON.parse(answer).attempt.step.image_url).toContain(stack.config.PUBLIC_URL);
    const { items } = (await stack.provider('GET', '/webhooks')).body;
    expect(items.length).toBeGreaterThan(0);
    for (const { request_url: url } of items) expect(url.startsWith(`${stack.config.PUBLIC_URL}/`)).toBe(true);
    expect(answer + JSON.stringify(items)).not.toContain('evil');
  });
});

describe('SECURITY 24: metrics', () => {
  it("are not served on the API's port", async () => {
    for (const path of ['/metrics', '/api/v1/metrics'])
      expect(
        (await fetch(`${stack.api.url}${path}`, { headers: { authorization: `Bearer ${stack.api.key}` } })).status,
      ).toBe(404);
  });

  it('hold no tenant content in their labels', async () => {
    const account = await connected('canary-metrics');
    await stack.api.get(`/api/v1/accounts?owner=canary-metrics`);
    await stack.api.get('/canary-metrics/x');
    const { url, secrets } = await hook();
    await fetch(url, {
      method: 'POST',
      headers: { 'patchbay-webhook-secret': secrets[0] ?? '' },
      body: JSON.stringify({ event: 'canary-metrics', account_id: account.provider_account_id }),
    });
    const texts = await Promise.all([stack.worker.context.metrics.registry.metrics(), stack.metrics()]);
    expect(texts[1]).toContain('patchbay_http_request_seconds');
    expect(texts.join('')).not.toMatch(new RegExp(`canary-metrics|${account.id}|${account.provider_account_id}`));
  });
});

it('SECURITY 9: keys of tenants never receive history_url', async () => {
  const reader = await stack.client('a-tenant', ['read', 'write', 'admin', 'raw']);
  const { body } = await reader.post('/api/v1/accounts', login('a-tenant'));
  const { body: attempt } = await reader.get(`/api/v1/accounts/${body.account.id}/attempt`);
  for (const one of [body.attempt, attempt]) {
    expect(one.history_url ?? null).toBeNull();
    expect(one.workflow_id ?? null).toBeNull();
  }
  expect(JSON.stringify([body, attempt])).not.toContain('/namespaces/');
});

describe('a request with a long body that proves nothing', () => {
  /** The answer to a request of which only the head is sent. */
  const answerTo = (url: string, headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const sent = request(
        url,
        { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': '4000000', ...headers } },
        (answer) => {
          resolve(answer.statusCode);
          sent.destroy();
        },
      );
      sent.on('error', reject).flushHeaders();
    });

  it('is answered before its body comes: a wrong secret, an unknown address, a wrong key', async () => {
    const { url } = await hook();
    expect(await answerTo(url, { 'patchbay-webhook-secret': 'wrong' })).toBe(401);
    expect(await answerTo(url, {})).toBe(401);
    expect(await answerTo(`${stack.api.url}/api/v1/webhooks/unipile`, { 'patchbay-webhook-secret': 'wrong' })).toBe(
      401,
    );
    expect(await answerTo(`${stack.api.url}/webhooks/unipile/unknown`, {})).toBe(404);
    expect(await answerTo(`${stack.api.url}/api/v1/accounts`, { authorization: 'Bearer pb_wrong' })).toBe(401);
  });
});
