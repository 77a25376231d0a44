import { createHmac } from 'node:crypto';
import { configuration } from '../../cli/doctor/configuration.ts';
import { database } from '../../cli/doctor/database.ts';
import { encryption } from '../../cli/doctor/encryption.ts';
import { examine } from '../../cli/doctor/check.ts';
import { providerChecks } from '../../cli/doctor/providers.ts';
import { openSubject } from '../../cli/doctor/subject.ts';
import { webhookLoop } from '../../cli/doctor/webhook-loop.ts';
import { accountKeys } from '../../db/queries/accounts/account-keys.ts';
import { saveCredentials, webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import { providers } from '../../providers/providers.ts';
import { createLog } from '../../platform/log.ts';
import { loadConfig, prepareInstallation } from '../../services/boot.ts';
import { createBrowser, type Browser, type Shown } from '../../dev/parts/browser.ts';
import { eventually } from '../support/eventually.ts';
import { testKey } from '../support/key.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { pagelink } from './fourth-provider/index.ts';
import { choose, isDialog } from './fourth-provider/stack.ts';
import { upstream } from './fourth-provider/upstream.ts';

const all = { ...providers, pagelink };
const verifyToken = 'a token of the operator';
const settings = { app_id: '101', app_secret: upstream.appSecret, verify_token: verifyToken };
const environment = {
  PAGELINK_APP_ID: settings.app_id,
  PAGELINK_APP_SECRET: settings.app_secret,
  PAGELINK_VERIFY_TOKEN: verifyToken,
};

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack(environment, all);
});
afterAll(() => stack?.stop());

/** The installation's webhook address, and the secret that is ours. */
const installation = (): Promise<{ address: string; secret: string }> =>
  stack.worker.context.db.system(async (em) => {
    const row = await em.findOneOrFail(ProviderCredentials, { provider: 'pagelink', tenantId: null });
    const [secret = ''] = webhookSecretsOf(await stack.worker.context.vault.keysOf(em, null), row);
    return { address: webhookAddress(stack.api.url, 'pagelink', row.webhookToken), secret };
  });

const post = (address: string, body: object, secret = upstream.appSecret): Promise<Response> => {
  const raw = JSON.stringify(body);
  const signature = `sha256=${createHmac('sha256', secret).update(raw).digest('hex')}`;
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature };
  return fetch(address, { method: 'POST', headers, body: raw });
};

const keysOf = (id: string) =>
  stack.worker.context.db.system(async (em) => {
    const account = await em.findOneOrFail(Account, { id });
    return accountKeys(await stack.worker.context.vault.keysOf(em, account.tenantId), account);
  });

/** Begins a login in a browser, at the address of its step; answers where the dialog sends it back with this. */
async function through(
  url: string,
  given: Record<string, string>,
  browser: Browser = createBrowser(),
): Promise<string> {
  const dialog = new URL((await browser.open(url, { stop: isDialog })).url);
  expect(isDialog(dialog.href)).toBe(true);
  const back = new URL(dialog.searchParams.get('redirect_uri') ?? '');
  back.search = new URLSearchParams({ ...given, state: dialog.searchParams.get('state') ?? '' }).toString();
  return back.href;
}

/** The whole way of a browser through a login; stops at an address that is not ours. */
async function comeBack(url: string, given: Record<string, string>): Promise<Shown> {
  const browser = createBrowser();
  const back = await through(url, given, browser);
  expect(back.split('?')[0]).toBe(`${stack.config.PUBLIC_URL}/callbacks/pagelink`);
  return browser.open(back, { stop: () => true });
}

const connect = (more: object = {}) =>
  stack.api.post('/api/v1/accounts', { provider: 'pagelink', channel: 'messenger', owner: 'maya', ...more });

/** An account that chose this page. */
async function connected(page: string): Promise<string> {
  const { id } = (await connect()).body.account;
  const { url } = (await stack.api.step(id, 'redirect')).step;
  upstream.codes.add(`code-${page}`);
  expect((await comeBack(url, { code: `code-${page}` })).status).toBe(200);
  const { step } = await stack.api.step(id, 'choose');
  expect(step.options).toEqual(upstream.pages.map(({ id: one, name }) => ({ id: one, label: name })));
  await choose(stack.api, id, page);
  await stack.api.account(id, 'active');
  return id;
}

describe('settings', () => {
  const needed = { DATABASE_URL: 'postgres://a@127.0.0.1/b', ENCRYPTION_KEY: testKey };

  it('come from the environment, and a wrong one is named in one line', () => {
    expect(loadConfig({ ...needed, ...environment }, all).providers).toEqual({ pagelink: settings });
    expect(() => loadConfig({ ...needed, PAGELINK_APP_ID: '101' }, all)).toThrow(
      'PAGELINK_APP_ID and PAGELINK_APP_SECRET belong together: set both or neither.',
    );
    expect(() => loadConfig({ ...needed, PAGELINK_URL: 'nowhere' }, all)).toThrow(/^PAGELINK_URL is wrong: /);
  });

  it('are a tenant’s own by PUT, and read back as what the provider can do', async () => {
    const tenant = await stack.client('other');
    expect((await tenant.put('/api/v1/providers/pagelink', { app_id: 'x' })).body.code).toBe('invalid_settings');
    expect((await tenant.put('/api/v1/providers/pagelink', settings)).status).toBe(200);
    expect((await tenant.get('/api/v1/providers/pagelink')).body).toMatchObject({
      provider: 'pagelink',
      configured: true,
      own: true,
      webhook_header: 'X-Hub-Signature-256',
      capabilities: {
        channels: { messenger: { methods: ['oauth'] } },
        resend: false,
        another_way: false,
        restore: false,
      },
    });
  });
});

describe('the document', () => {
  it('names it, its settings and its path', async () => {
    const document: any = await (await fetch(`${stack.api.url}/openapi.json`)).json();
    const body = (path: string, method: string) =>
      document.paths[path][method].requestBody.content['application/json'].schema;
    expect(body('/api/v1/accounts', 'post').properties.provider.enum).toEqual([
      'unipile',
      'wasender',
      'meta',
      'pagelink',
    ]);
    const { description } = body('/api/v1/providers/{provider}', 'put');
    expect(description).toContain("Pagelink: app_id (the app's number)");
    expect(document.paths).toHaveProperty('/api/pagelink/webhook');
  });

  it('and requests know it, and no other name', async () => {
    expect((await stack.api.get('/api/v1/accounts?provider=pagelink')).status).toBe(200);
    expect((await stack.api.get('/api/v1/accounts?provider=meta')).body.items).toEqual([]);
    expect((await stack.api.get('/api/v1/accounts?provider=constructor')).body).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining('pagelink'),
    });
  });
});

describe('a login by OAuth', () => {
  it('leads over the provider’s page and a choice to an active account', async () => {
    const id = await connected('page-1');
    expect((await stack.api.get(`/api/v1/accounts/${id}`)).body).toMatchObject({
      provider: 'pagelink',
      provider_account_id: 'page-1',
      identity: 'page-1',
    });
    expect(await keysOf(id)).toMatchObject({ apiKey: expect.stringMatching(/^page-/), scopes: ['pages_messaging'] });
  });

  it('asks again for a code that does not count, and takes a later one', async () => {
    const { id } = (await connect()).body.account;
    const first = (await stack.api.step(id, 'redirect')).step;
    await comeBack(first.url, { code: 'made-up' });
    const again = await eventually('another step', async () => {
      const { step } = await stack.api.step(id, 'redirect');
      return step.id === first.id ? null : step;
    });
    upstream.codes.add('good');
    await comeBack(again.url, { code: 'good' });
    await stack.api.step(id, 'choose');
  });

  it('is cancelled when the owner refuses, and sends the browser on', async () => {
    const redirects = { failure: 'https://app.example/no' };
    const { id } = (await connect({ redirects })).body.account;
    const { url } = (await stack.api.step(id, 'redirect')).step;
    const answer = await comeBack(url, { error: 'access_denied' });
    expect([answer.status, answer.url]).toEqual([303, redirects.failure]);
    await eventually('the end of the attempt', async () => {
      const { body } = await stack.api.get(`/api/v1/accounts/${id}/attempt`);
      return body.state === 'cancelled' ? body : null;
    });
  });

  it('keeps its key fresh: one whose time has come is renewed', async () => {
    upstream.refreshAfterMs = 0;
    const id = await connected('page-2');
    upstream.refreshAfterMs = 24 * 60 * 60_000;
    const before = await keysOf(id);
    await stack.api.post(`/api/v1/accounts/${id}/syncs`, { kind: 'details' });
    const after = await eventually('a new key', async () => {
      const keys = await keysOf(id);
      return keys?.apiKey === before?.apiKey ? null : keys;
    });
    expect(upstream.tokens.has(after.apiKey ?? '')).toBe(true);
    expect((await stack.api.get(`/api/v1/accounts/${id}`)).body.state).toBe('active');
  });
});

describe('webhooks', () => {
  it('are taken at one address for all tenants and at the documented path, when the app’s secret signed them', async () => {
    const { address } = await installation();
    for (const [at, refused] of [
      [address, 401],
      [`${stack.api.url}/api/pagelink/webhook`, 403],
      [`${stack.api.url}/api/pagelink/webhook/`, 403],
    ] as const) {
      const body = { entry: [{ id: at, change: 'seen' }] };
      expect(await (await post(at, body)).json()).toEqual({ received: 1 });
      expect((await post(at, body, 'another secret')).status).toBe(refused);
      expect((await fetch(at, { method: 'POST', body: JSON.stringify(body) })).status).toBe(refused);
    }
  });

  it('are signed with the secret that counts now, as soon as it is changed', async () => {
    const { address } = await installation();
    const change = (app_secret: string) =>
      stack.worker.context.db.system((em) =>
        saveCredentials(em, stack.worker.context.vault, new Date(), null, 'pagelink', { ...settings, app_secret }),
      );
    const seen = (id: string, secret: string) => post(address, { entry: [{ id, change: 'seen' }] }, secret);
    expect((await seen('a', settings.app_secret)).status).toBe(200);
    await change('a newer secret');
    expect((await seen('b', settings.app_secret)).status).toBe(401);
    expect((await seen('c', 'a newer secret')).status).toBe(200);
    await change(settings.app_secret);
    expect((await seen('d', settings.app_secret)).status).toBe(200);
    expect((await seen('e', 'a newer secret')).status).toBe(401);
  });

  it('move the account that they name', async () => {
    const { items } = (await stack.api.get('/api/v1/accounts?provider=pagelink&state=active')).body;
    const [account] = items;
    upstream.tokens.clear();
    const { address } = await installation();
    await post(address, { entry: [{ id: account.provider_account_id, change: 'deauthorized' }] });
    await stack.api.account(account.id, 'reconnect_required');
  });

  it('begin with a challenge, which is answered to whoever shows our secret', async () => {
    const { address, secret } = await installation();
    const ask = (token: string, at = address): Promise<Response> =>
      fetch(
        `${at}?${new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.verify_token': token, 'hub.challenge': '1158201444' }).toString()}`,
      );
    const documented = `${stack.api.url}/api/pagelink/webhook`;
    for (const at of [address, documented, `${documented}/`])
      for (const right of [secret, verifyToken]) {
        const answer = await ask(right, at);
        expect([answer.status, await answer.text()]).toEqual([200, '1158201444']);
        expect(answer.headers.get('content-type')).toContain('text/plain');
      }
    for (const wrong of ['another', '', settings.app_secret]) {
      expect((await ask(wrong)).status).toBe(401);
      expect((await ask(wrong, documented)).status).toBe(403);
    }
    expect((await ask(secret, `${stack.api.url}/webhooks/pagelink/unknown`)).status).toBe(404);
    expect((await ask(secret, `${stack.api.url}/webhooks/unipile/unknown`)).status).toBe(405);
  });
});

it('the doctor examines it', async () => {
  const { DATABASE_URL, PUBLIC_URL } = stack.config;
  const subject = openSubject({ ...environment, DATABASE_URL, PUBLIC_URL, ENCRYPTION_KEY: testKey }, all);
  const lines = await examine([configuration, database, encryption, providerChecks, webhookLoop], subject);
  await subject.close();
  const of = (check: string) => lines.find((line) => line.check === check);
  expect(of('provider (pagelink)')).toMatchObject({
    outcome: 'PASS',
    found: expect.stringContaining('by hand'),
    what_to_do: 'App 101 ends soon: make another one.',
  });
  expect(of('webhook loop (pagelink)')).toMatchObject({ outcome: 'PASS' });
});

it('says at the start of a process what an operator should know', async () => {
  const said: string[] = [];
  const log = createLog('worker', 'silent');
  log.warn = (...given: unknown[]) => void said.push(String(given.at(-1)));
  await prepareInstallation({ ...stack.worker.context, log });
  expect(said).toContain('App 101 ends soon: make another one.');
});

it('what it has no list of is not imported', async () => {
  const { status, body } = await stack.api.post('/api/v1/accounts/import', { provider: 'pagelink' });
  expect([status, body.code]).toEqual([422, 'unsupported']);
});

it('its calls and events are counted under its name', async () => {
  expect(await stack.metrics()).toContain('patchbay_webhook_events_total{provider="pagelink"');
  const { registry } = stack.worker.context.metrics;
  for (const verb of ['exchange', 'answer', 'check', 'refreshToken', 'details'])
    expect(await registry.metrics()).toContain(
      `patchbay_provider_calls_total{provider="pagelink",verb="${verb}",outcome="ok"}`,
    );
});
