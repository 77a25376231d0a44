import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { accountOn, hidden, visitor } from '../support/hosted-page.ts';
import { eventually } from '../support/eventually.ts';
import { startReceiver, startWorld, type Receiver, type World } from './world.ts';

let world: World;
let notified: Receiver;
beforeAll(async () => {
  world = await startWorld();
  notified = await startReceiver();
});
beforeEach(() => {
  notified.received.length = 0;
  notified.answers.length = 0;
  return world.control('POST', '/reset');
});
afterAll(async () => {
  await world?.close();
  await notified?.close();
});

const browser = visitor();
const YES = 'https://app.example/yes';
const NO = 'https://app.example/no';
const later = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
const body = (change: object = {}) => ({
  type: 'create',
  providers: ['LINKEDIN'],
  api_url: world.unipileUrl,
  expiresOn: later(1),
  name: 'user-42',
  notify_url: notified.url,
  success_redirect_url: YES,
  failure_redirect_url: NO,
  ...change,
});
const ask = (change: object = {}) => world.unipile('POST', '/hosted/accounts/link', body(change));
const link = async (change: object = {}): Promise<string> => {
  const { status, body: answer } = await ask(change);
  expect([status, answer.object]).toEqual([201, 'HostedAuthUrl']);
  expect(answer.url).toContain(`${world.unipileUrl}/`);
  return answer.url;
};
const again = (id: string, change: object = {}) =>
  link({ type: 'reconnect', reconnect_account: id, providers: undefined, ...change });
const login = (story: string, provider = 'LINKEDIN') => ({
  action: 'begin',
  provider,
  username: `${story}@hosted.example`,
  password: 'p',
});
const solve = (page: { html: string }, code: string) => ({ action: 'solve', at: hidden(page as never), code });
const accounts = async () => (await world.unipile('GET', '/accounts')).body.items;
const said = () => notified.received.map((one) => one.body);
const variant = (name: string, value: unknown) =>
  world.control('PUT', '/variants', { provider: 'unipile', name, value });
const faults = (rates: object) => world.control('PUT', '/faults', { provider: 'unipile', ...rates });
const advance = (seconds: number) => world.control('POST', '/clock', { advance_seconds: seconds });

describe('a login on the hosted page', () => {
  it('tells the application by server, and only then by browser', async () => {
    const url = await link();
    expect((await browser.open(url)).html).toContain('Password');
    expect((await browser.send(url, login('plain'))).url).toBe(YES);
    // No wait: the callback was there before the browser was.
    expect(said()).toEqual([{ status: 'CREATION_SUCCESS', account_id: expect.any(String), name: 'user-42' }]);
    expect(notified.received[0]!.headers['content-type']).toBe('application/json');
    const [account] = await accounts();
    expect(account).toMatchObject({ id: said()[0].account_id, sources: [{ status: 'OK' }] });
  });

  it('has the owner choose among several services', async () => {
    const url = await link({ providers: ['WHATSAPP', 'GOOGLE', 'LINKEDIN'] });
    const choice = await browser.open(url);
    expect([...choice.html.matchAll(/option value="(\w+)"/g)].map(([, word]) => word)).toEqual([
      'WHATSAPP',
      'GOOGLE',
      'LINKEDIN',
    ]);
    expect(choice.html).not.toContain('Password');
    expect((await browser.open(`${url}?provider=LINKEDIN`)).html).toContain('Password');
    expect((await browser.open(`${url}?provider=WHATSAPP`)).html).not.toContain('Password');
    // Neither one that is not allowed nor none at all begins anything.
    for (const provider of ['INSTAGRAM', '']) {
      const page = await browser.send(url, login('plain', provider));
      expect([page.status, page.html]).toEqual([400, expect.stringContaining('Choose one')]);
    }
    expect(await accounts()).toEqual([]);
    expect((await browser.send(url, login('plain', 'GOOGLE'))).url).toBe(YES);
    expect((await accounts())[0].type).toBe('GOOGLE_OAUTH');
  });

  it.each([
    ['*', 9],
    ['*:MESSAGING', 6],
    ['*:MAILING', 3],
    ['*:CALENDAR', 2],
  ])('allows for %s so many services: %i', async (providers, count) => {
    const { html } = await browser.open(await link({ providers }));
    expect(html.match(/<option/g)).toHaveLength(count);
  });

  it.each(['LINKEDIN', 'INSTAGRAM', 'MESSENGER', 'TWITTER', 'GOOGLE', 'OUTLOOK', 'MAIL'])(
    'connects %s by user name, and the same person again',
    async (provider) => {
      const url = await link({ providers: [provider] });
      expect((await browser.send(url, login('ana', provider))).url).toBe(YES);
      const { account_id: id } = said()[0];
      await world.control('POST', '/drop', { account_id: id, status: 'CREDENTIALS' });
      expect((await browser.send(await again(id), login('ana', provider))).url).toBe(YES);
      expect(said()[1]).toEqual({ status: 'RECONNECTED', account_id: id, name: 'user-42' });
    },
  );

  it.each([
    ['2fa', 'Code (SMS)', '123456'],
    ['otp', 'Code', '123456'],
    ['captcha', 'Captcha token', '123456'],
    ['phone', 'Phone number', '(+33)0612345678'],
    ['contract', 'Recruiter EMEA', 'contract-emea'],
  ])('asks what the story %s asks', async (story, text, code) => {
    const url = await link();
    const page = await browser.send(url, login(story));
    expect(page.html).toContain(text);
    expect((await browser.send(url, solve(page, code))).url).toBe(YES);
  });

  it('takes a wrong answer back, and goes on to the next checkpoint', async () => {
    const url = await link();
    const first = await browser.send(url, login('two'));
    const wrong = await browser.send(url, solve(first, '000000'));
    expect([wrong.status, wrong.html]).toEqual([401, expect.stringContaining('role="alert"')]);
    const choice = await browser.send(url, solve(wrong, '123456'));
    expect((await browser.send(url, solve(choice, 'contract-us'))).url).toBe(YES);
  });

  it('waits by itself for the app, or asks in another way', async () => {
    const url = await link();
    const page = await browser.send(url, login('approve'));
    expect(page.html).toContain('http-equiv="refresh"');
    const other = { action: 'another', at: hidden(page) };
    expect((await browser.send(url, other)).html).toContain('Code (SMS)');
    // Sent twice, it does not lead two ways further.
    expect((await browser.send(url, other)).html).toContain('Code (SMS)');
    const second = await link();
    const waiting = await browser.send(second, login('approve+bo'));
    await world.control('POST', '/approve', { account_id: accountOn(waiting) });
    expect((await browser.open(waiting.url)).url).toBe(YES);
  });

  it('names a wrong password, keeps the user name, and lets the owner try again', async () => {
    const url = await link();
    const page = await browser.send(url, login('wrong-password'));
    expect([page.status, page.html]).toEqual([401, expect.stringContaining('value="wrong-password@hosted.example"')]);
    expect((await browser.send(url, { action: 'begin' })).status).toBe(400);
    expect(await accounts()).toEqual([]);
    expect((await browser.send(url, login('plain'))).url).toBe(YES);
  });

  it('says how it went where the application has no address', async () => {
    const nowhere = { success_redirect_url: undefined, failure_redirect_url: undefined, notify_url: undefined };
    expect((await browser.send(await link(nowhere), login('plain'))).html).toContain('Connected');
    expect((await browser.send(await link(nowhere), { action: 'cancel' })).html).toContain('Nothing was connected');
  });

  it('leaves out of the callback the name that the link had not', async () => {
    await browser.send(await link({ name: undefined }), login('plain'));
    expect(said()).toEqual([{ status: 'CREATION_SUCCESS', account_id: expect.any(String) }]);
  });

  it('escapes what it shows, and cannot be framed', async () => {
    const url = await link({ name: '<b>' });
    const { html } = await browser.send(url, { action: 'begin', provider: '"><script>', username: '<i>' });
    const typed = await browser.send(url, { action: 'begin', username: '"><i>', password: '' });
    expect(`${html}${typed.html}`).not.toMatch(/<script>|<i>|<b>/);
    expect(typed.html).toContain('value="&quot;&gt;&lt;i&gt;"');
    const { headers } = await fetch(url);
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
  });
});

describe('a QR code on the hosted page', () => {
  const whatsapp = { providers: ['WHATSAPP'] };
  const begin = { action: 'begin' };

  it('is there until a phone scans it, for everybody who saw it', async () => {
    const url = await link(whatsapp);
    const page = await browser.send(url, begin);
    expect(page.html).toContain('<svg');
    expect(page.html).toContain('http-equiv="refresh"');
    const other = await browser.open(url);
    expect(accountOn(other)).toBe(accountOn(page));
    expect((await browser.open(page.url)).html).toContain('<svg');
    await world.control('POST', '/scan', { account_id: accountOn(page), phone: '33639980101' });
    expect([(await browser.open(page.url)).url, (await browser.open(other.url)).url]).toEqual([YES, YES]);
    expect(said()).toHaveLength(1);
    expect((await accounts())[0].name).toBe('33639980101');
  });

  it('is made by a form alone: looking at the page begins nothing', async () => {
    const url = await link(whatsapp);
    await browser.open(url);
    await fetch(url, { method: 'HEAD' });
    expect(await accounts()).toEqual([]);
  });

  it('lapses, and another one is for the same account', async () => {
    const url = await link(whatsapp);
    const page = await browser.send(url, begin);
    await advance(61);
    expect((await browser.open(page.url)).html).toContain('begin again');
    const next = await browser.send(url, begin);
    expect(accountOn(next)).toBe(accountOn(page));
    expect(await accounts()).toHaveLength(1);
    await world.control('POST', '/scan', { account_id: accountOn(next) });
    expect((await browser.open(next.url)).url).toBe(YES);
  });

  it('logs an account in again under its id', async () => {
    const id = await world.whatsapp('33639980100');
    await world.control('POST', '/drop', { account_id: id, status: 'CREDENTIALS' });
    const page = await browser.send(await again(id), begin);
    expect(accountOn(page)).toBe(id);
    await world.control('POST', '/scan', { account_id: id, phone: '33639980100' });
    expect((await browser.open(page.url)).url).toBe(YES);
    expect(said()).toEqual([{ status: 'RECONNECTED', account_id: id, name: 'user-42' }]);
    expect(await accounts()).toMatchObject([{ id, sources: [{ status: 'OK' }] }]);
  });
});

describe('forms sent twice, and two browsers on one link', () => {
  it('begins one login however often the form is sent', async () => {
    const url = await link();
    const pages = await Promise.all([browser.send(url, login('plain')), browser.send(url, login('plain'))]);
    expect(pages.map((page) => page.url)).toEqual([YES, YES]);
    expect([await accounts(), said()].map((list) => list.length)).toEqual([1, 1]);
    await browser.send(url, login('other'));
    expect(await accounts()).toHaveLength(1);
  });

  it('counts an answer once, and not for another question', async () => {
    const url = await link();
    const first = await browser.send(url, login('two'));
    const right = solve(first, '123456');
    expect((await browser.send(url, right)).html).toContain('Recruiter EMEA');
    const twice = await browser.send(url, right);
    expect([twice.status, twice.html]).toEqual([200, expect.stringContaining('Recruiter EMEA')]);
    expect(twice.html).not.toContain('role="alert"');
  });

  it('does not take an answer to a login before this one', async () => {
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
    expect(accountOn(second)).toBe(accountOn(first));
    // A mistake in one browser is not told in the other.
    await browser.send(url, solve(second, '000000'));
    expect((await browser.open(first.url)).html).not.toContain('role="alert"');
    expect((await browser.send(url, solve(first, '123456'))).url).toBe(YES);
    expect((await browser.send(url, solve(second, '123456'))).url).toBe(YES);
    expect([await accounts(), said()].map((list) => list.length)).toEqual([1, 1]);
  });

  it('cancels once, for both', async () => {
    const url = await link();
    const page = await browser.send(url, login('2fa'));
    const both = await Promise.all([1, 2].map(() => browser.send(url, { action: 'cancel' })));
    expect(both.map((one) => one.url)).toEqual([NO, NO]);
    expect((await browser.open(page.url)).url).toBe(NO);
    expect((await browser.send(url, solve(page, '123456'))).url).toBe(NO);
    expect([await accounts(), said()]).toEqual([[], []]);
  });

  it('refuses a second link the same person while they log in on the first', async () => {
    await browser.send(await link(), login('2fa'));
    const page = await browser.send(await link(), login('2fa'));
    expect([page.status, page.html]).toEqual([425, expect.stringContaining('already running')]);
  });

  it('gives the account to the link that asked last', async () => {
    await browser.send(await link(), login('ana'));
    const id = said()[0].account_id;
    const [one, two] = [await again(id), await again(id)];
    // A reconnection of its own name: the story is the name's, so the first one waits for a lapse of the other.
    await browser.send(one, login('ana'));
    await browser.send(two, login('ana'));
    expect(said().map((word) => word.status)).toEqual(['CREATION_SUCCESS', 'RECONNECTED', 'RECONNECTED']);
  });

  it('leaves a login alone that began elsewhere on the same account', async () => {
    const id = await world.whatsapp('33639980102');
    const url = await again(id);
    const page = await browser.send(url, { action: 'begin' });
    await world.unipile('POST', `/accounts/${id}`, { provider: 'WHATSAPP' });
    expect((await browser.open(page.url)).html).not.toContain('<svg');
    await browser.send(url, { action: 'cancel' });
    expect((await world.control('POST', '/scan', { account_id: id })).status).toBe(200);
    expect(said()).toEqual([]);
  });
});

describe('the end of a link', () => {
  const dead = async (url: string, text: string) => {
    expect(await browser.open(url)).toMatchObject({ status: 401, html: expect.stringContaining(text) });
    const program = await fetch(url, { headers: { accept: 'application/json' } });
    expect(await program.json()).toMatchObject({ type: 'errors/expired_link', status: 401 });
  };

  it('comes at its time, with what was begun on it', async () => {
    const url = await link();
    const page = await browser.send(url, login('2fa'));
    await advance(3_601);
    expect(await accounts()).toEqual([]);
    await dead(url, 'expired');
    await dead(page.url, 'expired');
    expect((await browser.send(url, login('plain'))).status).toBe(401);
    expect([await accounts(), said()]).toEqual([[], []]);
  });

  it('comes with the daily restart, however long it was to live; a variant spares it', async () => {
    const long = { expiresOn: later(72) };
    const url = await link(long);
    await advance(23 * 3_600);
    const late = await link(long);
    expect((await browser.open(url)).status).toBe(200);
    await advance(3_600);
    await dead(url, 'expired');
    await dead(late, 'expired');
    await variant('hosted_daily_restart', false);
    const spared = await link({ expiresOn: later(240) });
    await advance(3 * 86_400);
    expect((await browser.open(spared)).status).toBe(200);
  });

  it('comes with its use: whoever opens it afterwards finds nothing', async () => {
    const url = await link();
    const page = await browser.send(url, login('2fa'));
    await browser.send(url, solve(page, '123456'));
    expect((await browser.open(page.url)).url).toBe(YES);
    await dead(url, 'used');
    const cancelled = await link();
    await browser.send(cancelled, { action: 'cancel' });
    await dead(cancelled, 'used');
  });

  it('is expired from the start when its date is over', async () => {
    await dead(await link({ expiresOn: later(-1) }), 'expired');
  });

  it('is a page for an unknown link, and for an account that is gone', async () => {
    expect(await browser.open(`${world.unipileUrl}/hosted/none`)).toMatchObject({
      status: 404,
      html: expect.stringContaining('<h1>'),
    });
    const id = await world.whatsapp();
    const url = await again(id);
    await world.unipile('DELETE', `/accounts/${id}`);
    expect((await browser.send(url, { action: 'begin' })).status).toBe(404);
    expect(await accounts()).toEqual([]);
  });

  it('leaves nothing of a cancelled login, but the account of a reconnection', async () => {
    const id = await world.whatsapp('33639980103');
    const url = await again(id);
    await browser.send(url, { action: 'begin' });
    expect((await browser.send(url, { action: 'cancel' })).url).toBe(NO);
    expect(await accounts()).toMatchObject([{ id, sources: [{ status: 'OK' }] }]);
    expect((await world.control('POST', '/scan', { account_id: id })).status).toBe(409);
  });
});

describe('the callback', () => {
  const deliveries = async () => (await world.control('GET', '/deliveries')).body;

  it('is dropped as a fault, and the owner is led back all the same', async () => {
    await faults({ webhook_drop: 1 });
    expect((await browser.send(await link(), login('plain'))).url).toBe(YES);
    expect(await deliveries()).toMatchObject([{ label: 'hosted CREATION_SUCCESS', state: 'dropped' }]);
    // What is left to an application: the account is in the list.
    expect([said(), await accounts()].map((list) => list.length)).toEqual([0, 1]);
  });

  it('comes twice as a fault', async () => {
    await faults({ webhook_duplicate: 1 });
    await browser.send(await link(), login('plain'));
    const [one, two] = await notified.until(2);
    expect(one!.body).toEqual(two!.body);
  });

  it('is sent again when it was not taken, and the owner does not wait for that', async () => {
    notified.answers.push(500, 503);
    expect((await browser.send(await link(), login('plain'))).url).toBe(YES);
    expect(said()).toHaveLength(1);
    await notified.until(3);
    await eventually('the delivery', async () => (await deliveries())[0].state === 'delivered');
    expect((await deliveries())[0].tries).toEqual([500, 503, 200]);
  });

  it('is given up after the last try', async () => {
    await variant('hosted_notify_retries', 0);
    notified.answers.push(500);
    await browser.send(await link(), login('plain'));
    await eventually('the end', async () => (await deliveries())[0].state === 'failed');
  });

  it('does not hold the owner for ever where nobody answers', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const url = await link({ notify_url: `http://127.0.0.1:${port}/` });
    expect((await browser.send(url, login('plain'))).url).toBe(YES);
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });

  it('goes beside the account-status webhooks', async () => {
    const hooks = await startReceiver();
    await world.unipile('POST', '/webhooks', { source: 'account_status', request_url: hooks.url });
    await browser.send(await link(), login('plain'));
    const told = await hooks.until(3);
    expect(told.map((one) => one.body.AccountStatus.message)).toEqual(['CREATION_SUCCESS', 'OK', 'SYNC_SUCCESS']);
    expect(said()).toHaveLength(1);
    await hooks.close();
  });
});

describe('what the contract leaves open', () => {
  it('spells the answer, and its status, in the other way', async () => {
    await variant('hosted_object', 'HostedAuthURL');
    await variant('hosted_link_status', 200);
    expect(await ask()).toMatchObject({ status: 200, body: { object: 'HostedAuthURL' } });
  });

  it('wants providers on a reconnection too', async () => {
    const id = await world.whatsapp();
    const reconnect = { type: 'reconnect', reconnect_account: id, providers: undefined };
    await variant('hosted_reconnect_providers', 'required');
    expect(await ask(reconnect)).toMatchObject({ status: 400, body: { type: 'errors/missing_parameters' } });
    expect((await ask({ ...reconnect, providers: ['WHATSAPP'] })).status).toBe(201);
  });

  it('says on the way back which account it was', async () => {
    await variant('hosted_redirect_account', true);
    const url = await link({ success_redirect_url: `${YES}?x=1` });
    const { searchParams } = new URL((await browser.send(url, login('plain'))).url);
    expect(Object.fromEntries(searchParams)).toEqual({
      x: '1',
      account_id: said()[0].account_id,
      provider: 'LINKEDIN',
    });
  });

  it('tells of a failure', async () => {
    await variant('hosted_notify_failure', true);
    const url = await link();
    const page = await browser.send(url, login('2fa'));
    await browser.send(url, { action: 'cancel' });
    expect(said()).toEqual([{ status: 'CREATION_FAILED', account_id: accountOn(page), name: 'user-42' }]);
    await link();
    await advance(3_601);
    const [, expired] = await notified.until(2);
    expect(expired!.body).toEqual({ status: 'CREATION_FAILED', account_id: null, name: 'user-42' });
  });
});

describe('asking for a link', () => {
  it.each([
    ['type', { type: undefined }],
    ['expiresOn', { expiresOn: undefined }],
    ['api_url', { api_url: undefined }],
    ['providers', { providers: undefined }],
    ['reconnect_account', { type: 'reconnect' }],
  ])('is refused without %s', async (_what, change) =>
    expect(await ask(change)).toMatchObject({ status: 400, body: { type: 'errors/missing_parameters', status: 400 } }),
  );

  it.each([
    ['an unknown type', { type: 'other' }],
    ['a date of another form', { expiresOn: '2026-01-01' }],
    ['a date that there is not', { expiresOn: '2026-13-45T00:00:00.000Z' }],
    ['an unknown provider', { providers: ['MYSPACE'] }],
    ['no provider in its list', { providers: [] }],
    ['an unknown word for providers', { providers: '*:GAMES' }],
    ['an address that is none', { notify_url: 'javascript:1' }],
    ['another way back than the web', { success_redirect_url: 'app://done' }],
    ['an unknown feature', { disabled_features: ['flying'] }],
    ['a limit that is none', { sync_limit: { MESSAGING: { chats: 'many' } } }],
    ['a name that is no text', { name: 5 }],
  ])('is refused with %s', async (_what, change) =>
    expect(await ask(change)).toMatchObject({ status: 400, body: { type: 'errors/invalid_parameters', status: 400 } }),
  );

  it('is refused for an account that there is not', async () => {
    const { status, body: problem } = await ask({ type: 'reconnect', reconnect_account: 'none' });
    expect([status, problem.type]).toEqual([404, 'errors/resource_not_found']);
  });

  it('takes every option that there is', async () => {
    const url = await link({
      disabled_features: ['linkedin_recruiter', 'linkedin_sales_navigator', 'linkedin_organizations_mailboxes'],
      sync_limit: { MAILING: 'NO_HISTORY_SYNC', MESSAGING: { chats: 5, messages: '2026-01-01T00:00:00.000Z' } },
    });
    expect((await browser.send(url, login('plain'))).url).toBe(YES);
  });

  it('fails, and hangs, as a fault, like every call', async () => {
    await faults({ rate_500: 1, route: 'POST /api/v1/hosted/accounts/link' });
    expect((await ask()).status).toBe(500);
    await faults({ rate_429: 1 });
    expect((await ask()).status).toBe(429);
  });
});
