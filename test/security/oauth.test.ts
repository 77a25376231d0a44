import { accountKeys } from '../../db/queries/accounts/account-keys.ts';
import { Account } from '../../db/entities/accounts.ts';
import { providers } from '../../providers/providers.ts';
import { pagelink } from '../providers/fourth-provider/index.ts';
import { upstream } from '../providers/fourth-provider/upstream.ts';
import { createBrowser, type Browser, type Shown } from '../../dev/parts/browser.ts';
import type { ApiClient } from '../support/client.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  const environment = { PAGELINK_APP_ID: '101', PAGELINK_APP_SECRET: upstream.appSecret };
  stack = await startTestStack(environment, { ...providers, pagelink });
});
afterAll(() => stack?.stop());

let made = 0;
/** A page that only this login has, and the first one of it. */
function newPage(name = 'Karoo Coffee'): string {
  const id = `page-of-test-${(made += 1)}`;
  upstream.pages.unshift({ id, name });
  return id;
}
function newCode(): string {
  const code = `code-${(made += 1)}`;
  upstream.codes.add(code);
  return code;
}
const exchangesOf = (code: string): number => upstream.exchanges.filter((one) => one.code === code).length;

const isDialog = (url: string): boolean => url.startsWith('https://pagelink.example/dialog');

interface Begun {
  id: string;
  /** The address of the step. */
  url: string;
}

async function begin(more: object = {}, client: ApiClient = stack.api): Promise<Begun> {
  const request = { provider: 'pagelink', channel: 'messenger', owner: 'maya', credentials: { choose: 'first' } };
  const { status, body } = await client.post('/api/v1/accounts', { ...request, ...more });
  expect(status).toBe(202);
  return { id: body.account.id, url: (await client.step(body.account.id, 'redirect')).step.url };
}

/** Goes to the dialog in a browser, which then leads back with this; answers that address, unopened. */
async function agree({ url }: Begun, browser: Browser, given: Record<string, string>): Promise<string> {
  const dialog = new URL((await browser.open(url, { stop: isDialog })).url);
  expect(isDialog(dialog.href)).toBe(true);
  const back = new URL(dialog.searchParams.get('redirect_uri') ?? '');
  back.search = new URLSearchParams({ ...given, state: dialog.searchParams.get('state') ?? '' }).toString();
  return back.href;
}

const titleOf = ({ html }: Shown): string => /<h1>(.*)<\/h1>/.exec(html)?.[1] ?? '';
const attemptOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body;
const kindsOf = async (id: string): Promise<string[]> =>
  (await stack.api.get(`/api/v1/accounts/${id}/timeline?limit=100`)).body.items.map(({ kind }: any) => kind);

describe('SECURITY 6: two concurrent callbacks with one state cause one exchange', () => {
  it('which connects the account', async () => {
    const page = newPage();
    const login = await begin();
    const browser = createBrowser();
    const code = newCode();
    const back = await agree(login, browser, { code });
    const shown = await Promise.all(Array.from({ length: 5 }, () => browser.open(back)));
    expect(shown.map(({ status }) => status).sort((one, other) => one - other)).toEqual([200, 409, 409, 409, 409]);
    expect(shown.map(titleOf).sort()[0]).toBe('Connected');
    expect((await stack.api.account(login.id, 'active')).provider_account_id).toBe(page);
    expect(exchangesOf(code)).toBe(1);
    expect((await kindsOf(login.id)).filter((kind) => kind === 'called_back')).toHaveLength(1);
  });

  it('and a state that was used is refused, with the same code and with another', async () => {
    newPage();
    const login = await begin();
    const browser = createBrowser();
    const code = newCode();
    const back = await agree(login, browser, { code });
    expect((await browser.open(back)).status).toBe(200);
    const again = await browser.open(back);
    expect([again.status, titleOf(again)]).toEqual([409, 'This login was used already']);
    const other = newCode();
    expect((await browser.open(back.replace(code, other))).status).toBe(409);
    expect((await browser.open(login.url)).status).toBe(409);
    expect([exchangesOf(code), exchangesOf(other)]).toEqual([1, 0]);
  });

  it('and a code that was used counts for no other login', async () => {
    newPage();
    const code = newCode();
    const browser = createBrowser();
    await browser.open(await agree(await begin(), browser, { code }));
    const second = await begin();
    const shown = await browser.open(await agree(second, browser, { code }));
    expect([shown.status, titleOf(shown)]).toEqual([200, 'That did not work']);
    const { state, step } = await attemptOf(second.id);
    expect([state, step.kind]).toEqual(['running', 'redirect']);
    // The page leads to a new beginning; the state before names nothing any more.
    expect(shown.html).toContain(step.url.replaceAll('&', '&amp;'));
    expect(step.url).not.toBe(second.url);
    expect((await browser.open(second.url)).status).toBe(404);
    newPage();
    const back = await agree({ id: second.id, url: step.url }, browser, { code: newCode() });
    expect(titleOf(await browser.open(back))).toBe('Connected');
  });
});

describe('SECURITY 6: another browser is refused', () => {
  it('with a code as with a refusal, and the login waits for the right one', async () => {
    newPage();
    const login = await begin();
    const [right, wrong] = [createBrowser(), createBrowser()];
    const code = newCode();
    const back = await agree(login, right, { code });
    const refused = await wrong.open(back);
    expect([refused.status, titleOf(refused)]).toEqual([403, 'Another browser began this login']);
    const declined = new URL(back);
    declined.searchParams.delete('code');
    declined.searchParams.set('error', 'access_denied');
    expect((await wrong.open(declined.href)).status).toBe(403);
    expect(await attemptOf(login.id)).toMatchObject({ state: 'running', step: { kind: 'redirect', url: login.url } });
    expect(exchangesOf(code)).toBe(0);
    expect(titleOf(await right.open(back))).toBe('Connected');
  });

  it('also one that began another login there', async () => {
    newPage();
    const [ours, theirs] = [await begin(), await begin({}, await stack.client('another tenant'))];
    const [mine, other] = [createBrowser(), createBrowser()];
    await agree(theirs, other, { code: 'theirs' });
    const back = await agree(ours, mine, { code: newCode() });
    expect((await other.open(back)).status).toBe(403);
    expect((await attemptOf(ours.id)).state).toBe('running');
  });

  it('but one that begins anew goes on where the first was closed', async () => {
    newPage();
    const login = await begin();
    const [closed, next] = [createBrowser(), createBrowser()];
    const late = await agree(login, closed, { code: newCode() });
    expect(titleOf(await next.open(await agree(login, next, { code: newCode() })))).toBe('Connected');
    expect((await closed.open(late)).status).toBe(409);
    await stack.api.account(login.id, 'active');
  });

  it('and what the browser holds is for its server alone, for this login alone, and as long as that', async () => {
    const { url } = await begin();
    const { headers } = await createBrowser().open(url, { stop: isDialog });
    const [cookie = ''] = headers.getSetCookie();
    expect(cookie).toMatch(/^patchbay-login-[0-9a-f]{16}=[0-9a-f]{64}; /);
    expect(cookie).toContain('; HttpOnly');
    expect(cookie).toContain('; SameSite=Lax');
    expect(Number(/Max-Age=(\d+)/.exec(cookie)?.[1])).toBeLessThanOrEqual(3_600);
    // Neither address has it: the state alone, which the provider sees, begins no login.
    const value = /=([0-9a-f]{64})/.exec(cookie)?.[1] ?? '';
    expect(url).not.toContain(value);
    const start = new URL(url);
    for (const wrong of ['x', value, '0'.repeat(64)]) {
      start.searchParams.set('start', wrong);
      expect((await createBrowser().open(start.href)).status).toBe(404);
    }
  });
});

describe('SECURITY 6: a state', () => {
  it('that is altered, missing or unknown is refused with a page, and changes nothing', async () => {
    newPage();
    const login = await begin();
    const browser = createBrowser();
    const back = new URL(await agree(login, browser, { code: newCode() }));
    const state = back.searchParams.get('state') ?? '';
    const withState = (changed: string | null): string => {
      const url = new URL(back);
      if (changed === null) url.searchParams.delete('state');
      else url.searchParams.set('state', changed);
      return url.href;
    };
    const cases: [string | null, number][] = [
      [null, 400],
      ['', 400],
      [`${state}x`, 404],
      [state.slice(1), 404],
      [state.toUpperCase(), 404],
      ['0'.repeat(43), 404],
    ];
    for (const [changed, status] of cases) {
      const shown = await browser.open(withState(changed));
      expect([changed, shown.status]).toEqual([changed, status]);
      expect(shown.headers.get('content-type')).toContain('text/html');
      expect(shown.headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(titleOf(shown)).not.toBe('');
    }
    for (const query of [`state=${state}`, `state=${state}&error=`, `state=${state}&code=`])
      expect((await browser.open(`${stack.api.url}/callbacks/pagelink?${query}`)).status).toBe(400);
    expect(await attemptOf(login.id)).toMatchObject({ state: 'running', step: { url: login.url } });
    expect(titleOf(await browser.open(back.href))).toBe('Connected');
  });

  it('ends with its login', async () => {
    newPage();
    const [cancelled, late] = [await begin(), await begin()];
    const browser = createBrowser();
    const [back, lateBack] = [
      await agree(cancelled, browser, { code: newCode() }),
      await agree(late, browser, { code: newCode() }),
    ];
    await stack.api.post(`/api/v1/accounts/${cancelled.id}/attempt/cancel`);
    for (const url of [back, cancelled.url]) {
      const shown = await browser.open(url);
      expect([shown.status, titleOf(shown)]).toEqual([410, 'This login is over']);
    }
    await stack.control.post('/clock', { advance_seconds: 3_601 });
    for (const url of [lateBack, late.url]) expect((await browser.open(url)).status).toBe(410);
    expect(await stack.api.account(late.id, 'failed')).toMatchObject({ reason: 'deadline_passed' });
    await stack.control.post('/clock', { advance_seconds: -3_601 });
  });

  it('is stored as a hash and sealed, and no answer but its own step has it', async () => {
    const { id, url } = await begin();
    const state = new URL(url).searchParams.get('state') ?? '';
    const rows = await stack.db.system(async (em) => [
      await em.execute('select * from connection_attempts where account_id = ?', [id]),
      await em.execute('select * from connection_steps where account_id = ?', [id]),
      await em.execute('select * from account_events where account_id = ?', [id]),
    ]);
    expect(JSON.stringify(rows)).not.toContain(state);
    for (const path of [`/accounts/${id}`, `/accounts/${id}/timeline`, '/events?after=0'])
      expect(JSON.stringify((await stack.api.get(`/api/v1${path}`)).body)).not.toContain(state);
  });

  it.each(['GET', 'HEAD'])('SECURITY 30: its address changes nothing when it is opened (%s)', async (method) => {
    const { id, url } = await begin();
    const read = () =>
      stack.db.system((em) => em.execute('select * from connection_attempts where account_id = ?', [id]));
    const before = await read();
    expect((await fetch(url, { method, redirect: 'manual' })).status).toBe(method === 'GET' ? 303 : 200);
    expect(await read()).toEqual(before);
    expect((await attemptOf(id)).step.url).toBe(url);
  });
});

describe("SECURITY 6: return addresses outside the tenant's list are refused", () => {
  const request = { provider: 'pagelink', channel: 'messenger', owner: 'maya' };
  const begins = (client: ApiClient, redirects: object) => client.post('/api/v1/accounts', { ...request, redirects });

  it('before the login begins, and nothing is begun', async () => {
    const client = await stack.client('with return addresses');
    const list = ['https://app.example/connected', 'https://other.example:8443'];
    const { body } = await client.patch('/api/v1/tenant', { return_addresses: list });
    expect(body.return_addresses).toEqual(list);
    const outside = [
      'https://evil.example/connected',
      'https://app.example/',
      'https://app.example/connectedness',
      'https://app.example/connected/../other',
      'http://app.example/connected',
      'https://app.example:8443/connected',
      'https://app.example.evil.example/connected',
      'https://app.example@evil.example/connected',
      'https://other.example/',
    ];
    for (const address of outside)
      for (const name of ['success', 'failure']) {
        const refused = await begins(client, { [name]: address });
        expect([address, refused.status, refused.body.code]).toEqual([address, 422, 'invalid_request']);
        expect(refused.body.errors).toEqual([expect.objectContaining({ field: `redirects.${name}` })]);
      }
    expect((await client.get('/api/v1/accounts')).body.items).toEqual([]);
    for (const address of [
      'https://app.example/connected?x=1',
      'https://app.example/connected/here',
      'https://other.example:8443/x',
    ])
      expect((await begins(client, { success: address, failure: address })).status).toBe(202);
    const [{ id }] = (await client.get('/api/v1/accounts')).body.items;
    const reconnect = { force: true, redirects: { success: 'https://evil.example/' } };
    expect((await client.post(`/api/v1/accounts/${id}/reconnect`, reconnect)).status).toBe(422);
  });

  it('also those of an earlier login that the list does not allow any more', async () => {
    newPage();
    const client = await stack.client('with a later list');
    const success = 'https://once.example/';
    const { body } = await begins(client, { success });
    await client.patch('/api/v1/tenant', { return_addresses: ['https://app.example/'] });
    await client.post(`/api/v1/accounts/${body.account.id}/reconnect`, {
      force: true,
      credentials: { choose: 'first' },
    });
    const { step } = await client.step(body.account.id, 'redirect');
    const browser = createBrowser();
    const shown = await browser.open(await agree({ id: body.account.id, url: step.url }, browser, { code: newCode() }));
    expect([shown.status, titleOf(shown)]).toEqual([200, 'Connected']);
  });

  it('and what is no list of addresses is no setting', async () => {
    for (const wrong of [
      ['javascript:alert(1)'],
      ['https://a.example/?x'],
      ['https://u@a.example'],
      'https://a.example',
    ])
      expect((await stack.api.patch('/api/v1/tenant', { return_addresses: wrong })).status).toBe(422);
    expect((await stack.api.get('/api/v1/tenant')).body.return_addresses).toBeNull();
  });
});

describe('SECURITY 6: a Page taken by default is named', () => {
  it('on the page, in the attempt and in the timeline', async () => {
    newPage('Karoo <Coffee> & "Tea"');
    const login = await begin();
    const browser = createBrowser();
    const shown = await browser.open(await agree(login, browser, { code: newCode() }));
    expect(shown.html).toContain('Karoo &lt;Coffee&gt; &amp; &quot;Tea&quot;');
    const { step } = await attemptOf(login.id);
    expect(step).toMatchObject({ kind: 'done', instructions: expect.stringContaining('Karoo <Coffee>') });
    expect((await stack.timeline(login.id, 'account_taken')).data).toEqual({
      label: 'Karoo <Coffee> & "Tea"',
      of: upstream.pages.length,
    });
  });

  it('and one that another tenant holds is told, and never merged', async () => {
    const page = newPage();
    const other = await stack.client('holds the page');
    const theirs = await begin({}, other);
    const browser = createBrowser();
    await browser.open(await agree(theirs, browser, { code: newCode() }));
    await other.account(theirs.id, 'active');
    const ours = await begin();
    const shown = await browser.open(await agree(ours, browser, { code: newCode() }));
    expect(titleOf(shown)).toBe('Not connected');
    expect(shown.html).toContain('already connected elsewhere');
    expect(await stack.api.account(ours.id, 'failed')).toMatchObject({
      reason: 'account_in_use',
      merged_into: null,
      provider_account_id: null,
    });
    expect(await other.account(theirs.id, 'active')).toMatchObject({ provider_account_id: page, merged_into: null });
  });

  it('and the same one twice is one account, with the newer key', async () => {
    const page = newPage();
    const client = await stack.client('connects twice');
    const keyOf = async (id: string): Promise<string | undefined> =>
      stack.db.system(async (em) => {
        const account = await em.findOneOrFail(Account, { id });
        const keys = await stack.worker.context.vault.keysOf(em, account.tenantId);
        return accountKeys(keys, account)?.apiKey;
      });
    const connect = async (): Promise<string> => {
      const login = await begin({}, client);
      const browser = createBrowser();
      expect(titleOf(await browser.open(await agree(login, browser, { code: newCode() })))).toBe('Connected');
      return login.id;
    };
    const first = await connect();
    const before = await keyOf(first);
    const second = await connect();
    expect((await client.get(`/api/v1/accounts/${second}`)).body.merged_into).toBe(first);
    expect(await client.account(first, 'active')).toMatchObject({ provider_account_id: page });
    expect(await keyOf(first)).toMatch(/^page-/);
    expect(await keyOf(first)).not.toBe(before);
  });
});

describe('a return address of the credentials', () => {
  it('takes the place of ours, at the beginning, in the dialog and at the exchange', async () => {
    newPage();
    const client = await stack.client('with a return address');
    const return_url = `${stack.api.url}/api/pagelink/callback`;
    const settings = { app_id: '102', app_secret: upstream.appSecret, return_url };
    expect((await client.put('/api/v1/providers/pagelink', settings)).status).toBe(200);
    const redirects = { success: 'https://app.example/connected' };
    const login = await begin({ redirects }, client);
    expect(login.url.startsWith(`${return_url}?`)).toBe(true);
    const browser = createBrowser();
    const code = newCode();
    const back = await agree(login, browser, { code });
    expect(back.startsWith(`${return_url}?`)).toBe(true);
    const end = await browser.open(back.replace('/callback?', '/callback/?'), { stop: () => true });
    expect([end.status, end.url]).toEqual([303, redirects.success]);
    expect(upstream.exchanges.at(-1)).toEqual({ code, redirectUri: return_url });
  });
});
