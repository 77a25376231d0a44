import { createBrowser } from '../../dev/parts/browser.ts';
import { agree, beginMeta, connectMeta, personOf, textOf, titleOf } from '../support/meta.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterEach(() => stack.control.put('/faults', { provider: 'meta' }));
afterAll(() => stack?.stop());

const attemptOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body;
const accountOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}`)).body;
const variant = (name: string, value: unknown) => stack.control.put('/variants', { provider: 'meta', name, value });

describe('D1: GET /api/platforms/{instagram,messenger}/connect and /api/platforms/callback', () => {
  it.each([
    ['messenger', ''],
    ['instagram', '/'],
  ] as const)(
    'connect %s (slash "%s") in a browser without script, from the address to the page',
    async (channel, slash) => {
      const { status, body } = await stack.api.get(`/api/platforms/${channel}/connect${slash}?owner=ada`);
      expect(status).toBe(200);
      expect(Object.keys(body).sort()).toEqual(['account_id', 'authorization_url', 'state']);
      expect(new URL(body.authorization_url).searchParams.get('state')).toBe(body.state);
      expect(body.state.length).toBeGreaterThan(40);

      const browser = createBrowser();
      const back = new URL(await agree(browser, body.authorization_url, personOf('plain')));
      expect(back.searchParams.get('state')).toBe(body.state);
      // The documented path leads to the same.
      back.pathname = `/api/platforms/callback${slash}`;
      const page = await browser.open(back.href);
      expect([page.status, titleOf(page)]).toEqual([200, 'Connected']);
      const account = await accountOf(body.account_id);
      expect(account).toMatchObject({ provider: 'meta', channel, owner: 'ada', state: 'active' });
      expect(account.provider_account_id).toMatch(channel === 'instagram' ? /^17841/ : /^101/);
      expect(account.identity).toBe(account.provider_account_id);
      expect(page.html).toContain(account.provider_config.account_metadata.display_name);
    },
  );

  it('name the first Page, which is taken of several, and take another one where the caller asks to choose', async () => {
    const person = personOf('several');
    const first = (await stack.api.get('/api/platforms/messenger/connect')).body;
    const browser = createBrowser();
    const page = await browser.open(await agree(browser, first.authorization_url, person));
    expect(textOf(page)).toMatch(/Coffee&quot; was taken, the first of 3\./);
    const taken = await stack.api.account(first.account_id, 'active');

    const second = (await stack.api.get('/api/platforms/messenger/connect?choose=ask')).body;
    const asked = await browser.open(await agree(browser, second.authorization_url, person));
    expect(titleOf(asked)).toBe('One more step');
    const { step } = await stack.api.step(second.account_id, 'choose');
    expect(step.options).toHaveLength(3);
    const other = step.options.find(({ id }: any) => id !== taken.provider_account_id);
    await stack.api.post(`/api/v1/accounts/${second.account_id}/attempt/steps/${step.id}`, { answer: other.id });
    // Several accounts of one login, each with its own.
    expect((await stack.api.account(second.account_id, 'active')).provider_account_id).toBe(other.id);
    expect((await accountOf(first.account_id)).state).toBe('active');
  });

  it("send the browser to the caller's addresses", async () => {
    const query = new URLSearchParams({ success: 'https://app.example/yes', failure: 'https://app.example/no' });
    const ends = [];
    for (const story of ['plain', 'refuse', 'no-page']) {
      const { body } = await stack.api.get(`/api/platforms/messenger/connect?${query.toString()}`);
      const browser = createBrowser();
      const back = await agree(browser, body.authorization_url, personOf(story));
      const end = await browser.open(back, { stop: () => true });
      ends.push([story, end.status, end.url]);
    }
    expect(ends).toEqual([
      ['plain', 303, 'https://app.example/yes'],
      ['refuse', 303, 'https://app.example/no'],
      ['no-page', 303, 'https://app.example/no'],
    ]);
  });

  it('refuse a return address outside the list of the tenant before the login begins', async () => {
    const client = await stack.client('with a list');
    await client.patch('/api/v1/tenant', { return_addresses: ['https://app.example/'] });
    const refused = await client.get('/api/platforms/messenger/connect?success=https%3A%2F%2Fevil.example%2F');
    expect([refused.status, refused.body.error]).toEqual([422, expect.stringContaining('redirects.success')]);
    expect((await client.get('/api/platforms/')).body.items).toEqual([]);
  });

  it('change nothing for a HEAD, and answer errors as {error}', async () => {
    const client = await stack.client('asks with HEAD');
    const headers = { authorization: `Bearer ${client.key}` };
    const head = await fetch(`${stack.api.url}/api/platforms/messenger/connect`, { method: 'HEAD', headers });
    expect([head.status, head.headers.get('allow')]).toEqual([405, 'GET']);
    expect((await client.get('/api/platforms/')).body.items).toEqual([]);
    const wrong = await client.get('/api/platforms/messenger/connect?chose=first');
    expect([wrong.status, wrong.body.error]).toEqual([422, expect.stringContaining('did you mean choose?')]);
  });
});

describe('D1: what a login finds at Meta', () => {
  it.each([
    ['messenger', 'no-page', 'no_page'],
    ['instagram', 'no-page', 'no_page'],
    ['instagram', 'no-instagram', 'no_instagram_account'],
  ] as const)('ends a login of %s as %s with %s, and says what to do', async (channel, story, reason) => {
    const login = await beginMeta(stack.api, channel);
    const browser = createBrowser();
    const page = await browser.open(await agree(browser, login.url, personOf(story)));
    expect(titleOf(page)).toBe('Not connected');
    const { step } = await stack.api.step(login.id, 'failed');
    expect(step).toMatchObject({ reason, who: 'owner' });
    expect(textOf(page)).toContain(step.what_to_do.slice(0, 40));
    expect(await accountOf(login.id)).toMatchObject({ state: 'failed', reason, provider_account_id: null });
  });

  it('connects a Page without an Instagram account for Messenger', async () => {
    const account = await connectMeta(stack.api, 'messenger', personOf('no-instagram'));
    expect(account.identity).toMatch(/^101/);
  });

  it('is cancelled when the owner does not agree', async () => {
    const login = await beginMeta(stack.api, 'messenger');
    const browser = createBrowser();
    const page = await browser.open(await agree(browser, login.url, personOf('refuse')));
    expect(titleOf(page)).toBe('Not connected');
    await stack.api.account(login.id, 'failed');
    expect((await attemptOf(login.id)).state).toBe('cancelled');
  });

  it('names the permissions that the owner did not give, and works once they are given', async () => {
    const person = personOf('some-scopes');
    const login = await beginMeta(stack.api, 'messenger');
    const browser = createBrowser();
    const page = await browser.open(await agree(browser, login.url, person));
    expect(titleOf(page)).toBe('Not connected');
    expect(await accountOf(login.id)).toMatchObject({ state: 'failed', reason: 'permission_missing', who: 'owner' });
    const again = await stack.api.post(`/api/v1/accounts/${login.id}/reconnect`, {});
    expect(again.status).toBe(202);
    const { step } = await stack.api.step(login.id, 'redirect');
    const ticks = { scopes: (all: readonly string[]) => all };
    expect(titleOf(await browser.open(await agree(browser, step.url, person, ticks)))).toBe('Connected');
    await stack.api.account(login.id, 'active');
  });

  it('connects without what messages do not need, and tells what that costs', async () => {
    const login = await beginMeta(stack.api, 'messenger');
    const browser = createBrowser();
    const without = (all: readonly string[]) => all.filter((scope) => scope !== 'pages_read_engagement');
    const back = await agree(browser, login.url, personOf('some-scopes'), { scopes: without });
    expect(titleOf(await browser.open(back))).toBe('Connected');
    const account = await stack.api.account(login.id, 'active');
    expect(JSON.stringify(account)).toContain('pages_read_engagement');
  });

  it('takes none of the Pages that the owner did not tick', async () => {
    const login = await beginMeta(stack.api, 'messenger', { credentials: { choose: 'ask' } });
    const browser = createBrowser();
    let ticked = '';
    const pages = (all: readonly string[]) => [(ticked = all[1] ?? '')];
    const page = await browser.open(await agree(browser, login.url, personOf('several'), { pages }));
    expect(titleOf(page)).toBe('Connected');
    expect((await stack.api.account(login.id, 'active')).provider_account_id).toBe(ticked);
  });

  it("connects an Instagram account by Instagram's own login, without any Page", async () => {
    const login = await beginMeta(stack.api, 'instagram', { credentials: { login: 'instagram' } });
    const browser = createBrowser();
    const page = await browser.open(await agree(browser, login.url, personOf('no-page')));
    expect(titleOf(page)).toBe('Connected');
    expect((await stack.api.account(login.id, 'active')).identity).toMatch(/^17841/);
  });
});

describe('D1 and SECURITY 6: state and code, over the dialog', () => {
  it('a code that is too old or was used is asked for once more, with another state', async () => {
    const person = personOf('plain');
    const login = await beginMeta(stack.api, 'messenger');
    const browser = createBrowser();
    await variant('code_seconds', 1);
    const late = await agree(browser, login.url, person);
    await variant('code_seconds', 600);
    await stack.control.post('/clock', { advance_seconds: 5 });
    const page = await browser.open(late);
    expect(titleOf(page)).toBe('That did not work');
    const { step } = await stack.api.step(login.id, 'redirect');
    expect(step.url).not.toBe(login.url);
    expect((await browser.open(late)).status).toBe(404);
    expect(titleOf(await browser.open(await agree(browser, step.url, person)))).toBe('Connected');
  });

  it('two callbacks at once cause one exchange; another browser is refused, and may begin itself', async () => {
    const person = personOf('plain');
    const login = await beginMeta(stack.api, 'messenger');
    const [mine, other] = [createBrowser(), createBrowser()];
    const back = await agree(mine, login.url, person);
    expect((await other.open(back)).status).toBe(403);
    const before = await stack.control.count('GET', '/oauth/access_token');
    const shown = await Promise.all([mine.open(back), mine.open(back), mine.open(back)]);
    expect(shown.map(({ status }) => status).sort((one, other) => one - other)).toEqual([200, 409, 409]);
    await stack.api.account(login.id, 'active');
    // The code's exchange, and that for a long-lived token.
    expect((await stack.control.count('GET', '/oauth/access_token')) - before).toBe(2);

    const second = await beginMeta(stack.api, 'messenger');
    await agree(mine, second.url, person);
    expect(titleOf(await other.open(await agree(other, second.url, person)))).toBe('Connected');
  });

  it('the same Page twice is one account; a Page of another tenant is told, and never merged', async () => {
    const person = personOf('plain');
    const first = await connectMeta(stack.api, 'messenger', person);
    const second = await beginMeta(stack.api, 'messenger');
    const browser = createBrowser();
    expect(titleOf(await browser.open(await agree(browser, second.url, person)))).toBe('Connected');
    expect((await accountOf(second.id)).merged_into).toBe(first.id);

    const theirs = await stack.client('the others');
    const login = await beginMeta(theirs, 'messenger');
    const page = await browser.open(await agree(browser, login.url, person));
    expect([titleOf(page), textOf(page)]).toEqual(['Not connected', expect.stringContaining('connected elsewhere')]);
    expect(await theirs.account(login.id, 'failed')).toMatchObject({ reason: 'account_in_use', merged_into: null });
    await stack.api.account(first.id, 'active');
  });

  it('Messenger and Instagram of one Page are two accounts of one person', async () => {
    const person = personOf('plain');
    const [page, instagram] = [
      await connectMeta(stack.api, 'messenger', person),
      await connectMeta(stack.api, 'instagram', person),
    ];
    expect(page.id).not.toBe(instagram.id);
    expect(page.identity).not.toBe(instagram.identity);
  });
});

describe('A5: reconnect', () => {
  it('keeps the account, and refuses another Page', async () => {
    const person = personOf('plain');
    const { id, provider_account_id: page } = await connectMeta(stack.api, 'messenger', person);
    await stack.control.post('/drop', { account_id: page, status: '460' });
    await stack.api.account(id, 'reconnect_required');
    const again = async (): Promise<string> => {
      await stack.api.post(`/api/v1/accounts/${id}/reconnect`, {});
      return (await stack.api.step(id, 'redirect')).step.url;
    };
    const browser = createBrowser();
    await browser.open(await agree(browser, await again(), personOf('plain')));
    expect((await stack.api.step(id, 'failed')).step.reason).toBe('another_identity');
    expect(titleOf(await browser.open(await agree(browser, await again(), person)))).toBe('Connected');
    expect(await stack.api.account(id, 'active')).toMatchObject({ provider_account_id: page });
  });
});
