import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../support/eventually.ts';
import { accountOn, hidden, visitor, type Page } from '../support/hosted-page.ts';
import { startReceiver, startTestSandbox, type Receiver, type TestSandbox } from './test-sandbox.ts';

let sandbox: TestSandbox;
let notified: Receiver;
beforeAll(async () => {
  [sandbox, notified] = await Promise.all([startTestSandbox(), startReceiver()]);
});
beforeEach(() => {
  notified.received.length = 0;
  return sandbox.control('POST', '/reset');
});
afterAll(async () => {
  await sandbox?.close();
  await notified?.close();
});

const browser = visitor();
const YES = 'https://app.example/yes';
const NO = 'https://app.example/no';
const later = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
const ask = (change: object = {}) =>
  sandbox.unipile('POST', '/hosted/accounts/link', {
    type: 'create',
    providers: ['LINKEDIN'],
    api_url: sandbox.unipileUrl,
    expiresOn: later(1),
    name: 'user-42',
    notify_url: notified.url,
    success_redirect_url: YES,
    failure_redirect_url: NO,
    ...change,
  });
const link = async (change: object = {}): Promise<string> => {
  const { status, body } = await ask(change);
  expect([status, body.object]).toEqual([201, 'HostedAuthUrl']);
  expect(body.url).toContain(`${sandbox.unipileUrl}/`);
  return body.url;
};
const reconnection = (id: string) => ({ type: 'reconnect', reconnect_account: id, providers: undefined });
const show = { action: 'begin' };
const login = (who: string, provider = 'LINKEDIN') => ({ ...show, provider, username: `${who}@a.test`, password: 'p' });
const cancel = { action: 'cancel' };
const solve = (page: Page, code: string) => ({ action: 'solve', at: hidden(page), code });
const accounts = async () => (await sandbox.unipile('GET', '/accounts')).body.items;
const callbacks = () => notified.received.map((one) => one.body);
const counts = async () => ({ accounts: (await accounts()).length, callbacks: callbacks().length });
const deliveries = async () => (await sandbox.control('GET', '/deliveries')).body;
const scan = (account_id: string) => sandbox.control('POST', '/scan', { account_id });
const variant = (name: string, value: unknown) =>
  sandbox.control('PUT', '/variants', { provider: 'unipile', name, value });
const faults = (rates: object) => sandbox.control('PUT', '/faults', { provider: 'unipile', ...rates });
const advance = (seconds: number) => sandbox.control('POST', '/clock', { advance_seconds: seconds });

/** A used or expired link is a page for a browser, UniPile's error for a program. */
const dead = async (url: string, text: string) => {
  expect(await browser.open(url)).toMatchObject({ status: 401, html: expect.stringContaining(text) });
  const program = await fetch(url, { headers: { accept: 'application/json' } });
  expect(await program.json()).toMatchObject({ type: 'errors/expired_link', status: 401 });
};

describe('a login on the hosted page', () => {
  it("notifies the application's server, and only then redirects the browser", async () => {
    const url = await link();
    expect((await browser.send(url, login('plain'))).url).toBe(YES);
    // No wait: the callback came before the browser.
    expect(callbacks()).toEqual([{ status: 'CREATION_SUCCESS', account_id: expect.any(String), name: 'user-42' }]);
    expect(notified.received[0]!.headers['content-type']).toBe('application/json');
    expect(await accounts()).toMatchObject([{ id: callbacks()[0].account_id, sources: [{ status: 'OK' }] }]);
  });

  it('has the owner choose among several services', async () => {
    const url = await link({ providers: ['WHATSAPP', 'GOOGLE', 'LINKEDIN'] });
    const { html } = await browser.open(url);
    expect(html.match(/option value="\w+"/g)?.join()).toMatch(/"WHATSAPP".*"GOOGLE".*"LINKEDIN"/);
    expect(html).not.toContain('Password');
    expect((await browser.open(`${url}?provider=LINKEDIN`)).html).toContain('Password');
    // Neither a forbidden service nor none starts a login.
    for (const provider of ['INSTAGRAM', ''])
      expect(await browser.send(url, login('plain', provider))).toMatchObject({ status: 400 });
    expect(await accounts()).toEqual([]);
    expect((await browser.send(url, login('plain', 'GOOGLE'))).url).toBe(YES);
    for (const [providers, count] of Object.entries({ '*': 9, '*:MESSAGING': 6, '*:MAILING': 3, '*:CALENDAR': 2 }))
      expect((await browser.open(await link({ providers }))).html.match(/<option/g)).toHaveLength(count);
  });

  it.each(['LINKEDIN', 'INSTAGRAM', 'MESSENGER', 'TWITTER', 'GOOGLE', 'OUTLOOK', 'MAIL'])(
    'connects %s, and the same person again under the same id',
    async (provider) => {
      await browser.send(await link({ providers: [provider] }), login('ana', provider));
      const { account_id: id } = callbacks()[0];
      await sandbox.control('POST', '/drop', { account_id: id, status: 'CREDENTIALS' });
      const url = await link(reconnection(id));
      expect((await browser.send(url, login('bo', provider))).status).toBe(403);
      expect((await browser.send(url, login('ana', provider))).url).toBe(YES);
      expect(callbacks()[1]).toEqual({ status: 'RECONNECTED', account_id: id, name: 'user-42' });
    },
  );

  it.each([
    ['otp', 'Code', '123456'],
    ['captcha', 'Captcha token', '123456'],
    ['phone', 'Phone number', '(+33)0612345678'],
    ['contract', 'Recruiter EMEA', 'contract-emea'],
  ])('asks for the steps of the scenario %s', async (scenario, text, code) => {
    const url = await link();
    const page = await browser.send(url, login(scenario));
    expect(page.html).toContain(text);
    expect((await browser.send(url, solve(page, code))).url).toBe(YES);
  });

  it('waits for the app, or asks in another way', async () => {
    const url = await link();
    const page = await browser.send(url, login('approve'));
    expect(page.html).toContain('http-equiv="refresh"');
    const other = { action: 'another', at: hidden(page) };
    expect((await browser.send(url, other)).html).toContain('Code (SMS)');
    // Sent twice, it changes the way once.
    expect((await browser.send(url, other)).html).toContain('Code (SMS)');
    const waiting = await browser.send(await link(), login('approve+bo'));
    await sandbox.control('POST', '/approve', { account_id: accountOn(waiting) });
    expect((await browser.open(waiting.url)).url).toBe(YES);
  });

  it('names a wrong password, keeps the user name, and lets the owner try again', async () => {
    const url = await link();
    const page = await browser.send(url, login('wrong-password'));
    expect([page.status, page.html]).toEqual([401, expect.stringContaining('value="wrong-password@a.test"')]);
    expect((await browser.send(url, show)).status).toBe(400);
    expect((await browser.send(url, login('plain'))).url).toBe(YES);
  });

  it('shows the outcome when the application has no address', async () => {
    const nowhere = { success_redirect_url: undefined, failure_redirect_url: undefined, name: undefined };
    expect((await browser.send(await link(nowhere), login('plain'))).html).toContain('Connected');
    expect((await browser.send(await link(nowhere), cancel)).html).toContain('Nothing was connected');
    expect(callbacks()).toEqual([{ status: 'CREATION_SUCCESS', account_id: expect.any(String) }]);
  });

  it('escapes its values, and cannot be framed', async () => {
    const url = await link({ name: '<b>' });
    const chosen = await browser.send(url, { ...show, provider: '"><script>' });
    const typed = await browser.send(url, { ...show, username: '"><i>' });
    expect(`${chosen.html}${typed.html}`).not.toMatch(/<script>|<i>|<b>/);
    expect(typed.html).toContain('value="&quot;&gt;&lt;i&gt;"');
    const { headers } = await fetch(url);
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
  });
});

describe('a QR code on the hosted page', () => {
  const whatsapp = { providers: ['WHATSAPP'] };

  it('is shown until a phone scans it, in every browser; afterwards the link is dead', async () => {
    const url = await link(whatsapp);
    await browser.open(url);
    // Opening the page starts nothing.
    expect(await accounts()).toEqual([]);
    const page = await browser.send(url, show);
    expect(page.html).toMatch(/http-equiv="refresh"[^]*<svg/);
    const other = await browser.open(url);
    expect(accountOn(other)).toBe(accountOn(page));
    await scan(accountOn(page));
    expect([(await browser.open(page.url)).url, (await browser.open(other.url)).url]).toEqual([YES, YES]);
    await dead(url, 'used');
    expect(await counts()).toEqual({ accounts: 1, callbacks: 1 });
  });

  it('lapses, and a new one belongs to the same account', async () => {
    const url = await link(whatsapp);
    const page = await browser.send(url, show);
    await advance(61);
    expect((await browser.open(page.url)).html).toContain('begin again');
    const next = await browser.send(url, show);
    expect(accountOn(next)).toBe(accountOn(page));
    await scan(accountOn(next));
    expect((await browser.open(url)).url).toBe(YES);
    expect(await counts()).toEqual({ accounts: 1, callbacks: 1 });
  });

  it('logs an account in again under its id, and belongs to the newest login', async () => {
    const id = await sandbox.whatsapp('33639980100');
    const [first, url] = [await link(reconnection(id)), await link(reconnection(id))];
    const late = await browser.send(first, show);
    const page = await browser.send(url, show);
    expect([accountOn(late), accountOn(page)]).toEqual([id, id]);
    expect((await browser.open(late.url)).html).not.toContain('<svg');
    // A page no longer owns the login that it gave up.
    await browser.send(first, cancel);
    await scan(id);
    expect((await browser.open(page.url)).url).toBe(YES);
    expect(callbacks()).toEqual([{ status: 'RECONNECTED', account_id: id, name: 'user-42' }]);
  });
});

describe('forms sent twice, and two browsers on one link', () => {
  it('begins one login however often the form is sent', async () => {
    const url = await link();
    for (const { url: end } of await Promise.all([1, 2].map(() => browser.send(url, login('plain')))))
      expect(end).toBe(YES);
    await browser.send(url, login('other'));
    expect(await counts()).toEqual({ accounts: 1, callbacks: 1 });
  });

  it('refuses a wrong answer, and accepts a right one once', async () => {
    const url = await link();
    const first = await browser.send(url, login('two'));
    const wrong = await browser.send(url, solve(first, '000000'));
    expect([wrong.status, wrong.html]).toEqual([401, expect.stringContaining('role="alert"')]);
    const choice = await browser.send(url, solve(wrong, '123456'));
    const twice = await browser.send(url, solve(wrong, '123456'));
    expect([twice.status, twice.html]).toEqual([200, choice.html]);
    expect((await browser.send(url, solve(choice, 'contract-us'))).url).toBe(YES);
  });

  it('ignores an answer to an earlier login', async () => {
    const url = await link();
    const old = await browser.send(url, login('2fa'));
    await advance(301);
    const page = await browser.send(url, login('2fa'));
    expect((await browser.send(url, solve(old, '123456'))).html).toContain('Code (SMS)');
    expect((await browser.send(url, solve(page, '123456'))).url).toBe(YES);
  });

  it('shows a second browser the login of the first', async () => {
    const url = await link();
    const first = await browser.send(url, login('2fa+ada'));
    const second = await browser.send(url, login('2fa+bo'));
    // The same person on another page is refused.
    expect((await browser.send(await link(), login('2fa+ada'))).status).toBe(425);
    expect(accountOn(second)).toBe(accountOn(first));
    // An error in one browser is not shown in the other.
    await browser.send(url, solve(second, '000000'));
    expect((await browser.open(first.url)).html).not.toContain('role="alert"');
    expect((await browser.send(url, solve(first, '123456'))).url).toBe(YES);
    expect((await browser.send(url, solve(second, '123456'))).url).toBe(YES);
    expect(await counts()).toEqual({ accounts: 1, callbacks: 1 });
  });

  it('cancels for both, and leaves nothing', async () => {
    const url = await link();
    const page = await browser.send(url, login('2fa'));
    for (const form of [cancel, cancel, solve(page, '123456')]) expect((await browser.send(url, form)).url).toBe(NO);
    expect(await counts()).toEqual({ accounts: 0, callbacks: 0 });
  });
});

describe('the end of a link', () => {
  it('comes at its time, with the login started on it', async () => {
    const url = await link();
    const page = await browser.send(url, login('2fa'));
    await advance(3_601);
    expect(await accounts()).toEqual([]);
    await dead(page.url, 'expired');
    expect((await browser.send(url, login('plain'))).status).toBe(401);
    expect(await counts()).toEqual({ accounts: 0, callbacks: 0 });
    await dead(await link({ expiresOn: later(-1) }), 'expired');
  });

  it('comes with the daily restart, however long its lifetime; a variant prevents it', async () => {
    const url = await link({ expiresOn: later(72) });
    await advance(24 * 3_600);
    await dead(url, 'expired');
    await variant('hosted_daily_restart', false);
    const spared = await link({ expiresOn: later(240) });
    await advance(3 * 86_400);
    expect((await browser.open(spared)).status).toBe(200);
  });

  it('is a page for an unknown link, and for a deleted account', async () => {
    expect((await browser.open(`${sandbox.unipileUrl}/hosted/none`)).status).toBe(404);
    const id = await sandbox.whatsapp();
    const url = await link(reconnection(id));
    await sandbox.unipile('DELETE', `/accounts/${id}`);
    expect(await browser.send(url, show)).toMatchObject({ status: 404, html: expect.stringContaining('<h1>') });
  });
});

describe('the callback', () => {
  it('is dropped by a fault, and the owner is redirected all the same', async () => {
    await faults({ webhook_drop: 1 });
    expect((await browser.send(await link(), login('plain'))).url).toBe(YES);
    expect(await deliveries()).toMatchObject([{ label: 'hosted CREATION_SUCCESS', state: 'dropped' }]);
    // The rest is up to the application: the account is in the list.
    expect(await counts()).toEqual({ accounts: 1, callbacks: 0 });
  });

  it('is retried when it was not accepted', async () => {
    notified.answers.push(500);
    expect((await browser.send(await link(), login('plain'))).url).toBe(YES);
    await eventually('the delivery', async () => (await deliveries())[0].state === 'delivered');
    expect((await deliveries())[0].tries).toEqual([500, 200]);
  });

  it('does not delay the owner for ever when no server answers', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    expect((await browser.send(await link({ notify_url: `http://127.0.0.1:${port}/` }), login('plain'))).url).toBe(YES);
    silent.closeAllConnections();
    silent.close();
  });
});

describe('requesting a link', () => {
  const refuses = async (change: object, type: string) =>
    expect(await ask(change)).toMatchObject({ status: 400, body: { type, status: 400, title: expect.any(String) } });

  it.each(['type', 'expiresOn', 'api_url', 'providers'])('is refused without %s', (field) =>
    refuses({ [field]: undefined }, 'errors/missing_parameters'),
  );

  it.each([
    ['type', 'other'],
    ['expiresOn', '2026-13-45T00:00:00.000Z'],
    ['providers', ['MYSPACE']],
    ['providers', []],
    ['notify_url', 'javascript:1'],
    ['disabled_features', ['flying']],
    ['sync_limit', { MESSAGING: { chats: 'many' } }],
    ['name', 5],
  ])('is refused with %s: %j', (field, value) => refuses({ [field]: value }, 'errors/invalid_parameters'));

  it('takes every option, finds its accounts, and fails by faults like every call', async () => {
    const disabled_features = ['linkedin_recruiter', 'linkedin_sales_navigator', 'linkedin_organizations_mailboxes'];
    await link({ disabled_features, sync_limit: { MAILING: 'NO_HISTORY_SYNC', MESSAGING: { chats: 5, messages: 0 } } });
    await refuses({ type: 'reconnect' }, 'errors/missing_parameters');
    expect(await ask(reconnection('none'))).toMatchObject({ status: 404, body: { type: 'errors/resource_not_found' } });
    await faults({ rate_500: 1, route: 'POST /api/v1/hosted/accounts/link' });
    expect((await ask()).status).toBe(500);
  });

  it('answers by variant where the contract leaves it open', async () => {
    const options = { object: 'HostedAuthURL', link_status: 200, reconnect_providers: 'required' };
    const others = { redirect_account: true, notify_failure: true };
    for (const [name, value] of Object.entries({ ...options, ...others })) await variant(`hosted_${name}`, value);
    const answer = await ask({ success_redirect_url: `${YES}?x=1` });
    expect(answer).toMatchObject({ status: 200, body: { object: 'HostedAuthURL' } });
    const { url } = await browser.send(answer.body.url, login('plain'));
    const { account_id } = callbacks()[0];
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({ x: '1', account_id, provider: 'LINKEDIN' });
    expect((await ask(reconnection(account_id))).status).toBe(400);
    await browser.send((await ask()).body.url, cancel);
    expect(callbacks()[1]).toEqual({ status: 'CREATION_FAILED', account_id: null, name: 'user-42' });
  });
});
