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
  return world.control('POST', '/reset');
});
afterAll(async () => {
  await world?.close();
  await notified?.close();
});

const browser = visitor();
const soon = () => new Date(Date.now() + 3_600_000).toISOString();
const body = (change: object = {}) => ({
  type: 'create',
  providers: ['LINKEDIN'],
  api_url: world.unipileUrl,
  expiresOn: soon(),
  name: 'user-42',
  notify_url: notified.url,
  success_redirect_url: 'https://app.example/yes',
  failure_redirect_url: 'https://app.example/no',
  ...change,
});
const link = async (change: object = {}): Promise<string> => {
  const { status, body: answer } = await world.unipile('POST', '/hosted/accounts/link', body(change));
  expect([status, answer.object]).toEqual([201, 'HostedAuthUrl']);
  return answer.url;
};
const login = (story: string, provider = 'LINKEDIN') => ({
  action: 'begin',
  provider,
  username: `${story}@hosted.example`,
  password: 'p',
});
const callbacks = (count: number) =>
  eventually('the callback', async () => {
    const said = notified.received.map((one) => one.body);
    return said.length >= count ? said : null;
  });

it('logs in on a page, tells the application by server and by browser', async () => {
  const url = await link();
  expect((await browser.open(url)).html).toContain('Password');
  expect(await browser.send(url, login('plain'))).toMatchObject({ url: 'https://app.example/yes' });
  const [said] = await callbacks(1);
  expect(said).toEqual({ status: 'CREATION_SUCCESS', account_id: expect.any(String), name: 'user-42' });
  expect((await world.unipile('GET', `/accounts/${said.account_id}`)).body.sources[0].status).toBe('OK');
  // The page stays done: a reload leads back, and nobody logs in by it again.
  expect((await browser.open(url)).url).toBe('https://app.example/yes');
  await browser.send(url, login('other'));
  expect((await world.unipile('GET', '/accounts')).body.items).toHaveLength(1);
});

it('walks through checkpoints, takes a wrong code back, and a form sent twice once', async () => {
  const url = await link();
  const first = await browser.send(url, login('two'));
  expect(first.html).toContain('Code (SMS)');
  const wrong = await browser.send(url, { action: 'solve', at: hidden(first), code: '000000' });
  expect(wrong.html).toContain('role="alert"');
  const right = { action: 'solve', at: hidden(wrong), code: '123456' };
  const choice = await browser.send(url, right);
  expect(choice.html).toContain('Recruiter EMEA');
  expect((await browser.send(url, right)).html).toContain('Recruiter EMEA');
  const chosen = { action: 'solve', at: hidden(choice), code: 'contract-us' };
  expect((await browser.send(url, chosen)).url).toBe('https://app.example/yes');
});

it('shows a QR code that a phone scans, in whichever browser', async () => {
  const url = await link({ providers: '*' });
  const page = await browser.send(url, login('', 'WHATSAPP'));
  expect(page.html).toContain('<svg');
  expect(page.html).toContain('http-equiv="refresh"');
  expect(accountOn(await browser.open(url))).toBe(accountOn(page));
  await world.control('POST', '/scan', { account_id: accountOn(page) });
  expect((await browser.open(url)).url).toBe('https://app.example/yes');
  expect(await callbacks(1)).toHaveLength(1);
});

it('logs an account in again under its id', async () => {
  const id = await world.whatsapp('33639980100');
  await world.control('POST', '/drop', { account_id: id, status: 'CREDENTIALS' });
  const url = await link({ type: 'reconnect', reconnect_account: id, providers: undefined });
  const page = await browser.send(url, { action: 'begin' });
  expect(accountOn(page)).toBe(id);
  await world.control('POST', '/scan', { account_id: id, phone: '33639980100' });
  expect(await callbacks(1)).toEqual([{ status: 'RECONNECTED', account_id: id, name: 'user-42' }]);
});

it('leaves nothing behind when it is cancelled', async () => {
  const url = await link();
  await browser.send(url, login('2fa'));
  expect((await browser.send(url, { action: 'cancel' })).url).toBe('https://app.example/no');
  expect((await world.unipile('GET', '/accounts')).body.items).toEqual([]);
  expect((await browser.open(url)).status).toBe(404);
});

it('dies at its time, with what was begun on it', async () => {
  const url = await link();
  await browser.send(url, login('2fa'));
  await world.control('POST', '/clock', { advance_seconds: 3_601 });
  expect(await browser.open(url)).toMatchObject({ status: 401, html: expect.stringContaining('expired') });
  expect((await world.unipile('GET', '/accounts')).body.items).toEqual([]);
  const program = await fetch(url, { headers: { accept: 'application/json' } });
  expect(await program.json()).toMatchObject({ type: 'errors/expired_link', status: 401 });
});

it('names a wrong password, and lets the owner try again', async () => {
  const url = await link();
  expect((await browser.send(url, login('wrong-password'))).html).toContain('wrong');
  expect((await browser.send(url, login('plain'))).url).toBe('https://app.example/yes');
});

it('escapes what it shows', async () => {
  const url = await link({ name: '<b>', providers: ['LINKEDIN'] });
  const { html } = await browser.send(url, { action: 'begin', provider: '"><script>', username: '<i>', password: '' });
  expect(html).not.toMatch(/<script>|<i>/);
});

it.each([
  ['no type', { type: undefined }],
  ['no date', { expiresOn: undefined }],
  ['a date of another form', { expiresOn: '2026-01-01' }],
  ['an unknown provider', { providers: ['MYSPACE'] }],
  ['no providers', { providers: undefined }],
  ['an address that is none', { notify_url: 'javascript:1' }],
])('refuses a link with %s', async (_what, change) =>
  expect(await world.unipile('POST', '/hosted/accounts/link', body(change))).toMatchObject({ status: 400 }),
);

it('drops callbacks as a fault, and spells its answer in the other way as a variant', async () => {
  await world.control('PUT', '/faults', { provider: 'unipile', webhook_drop: 1 });
  const url = await link();
  expect((await browser.send(url, login('plain'))).url).toBe('https://app.example/yes');
  const { body: deliveries } = await world.control('GET', '/deliveries');
  expect(deliveries).toMatchObject([{ label: 'hosted CREATION_SUCCESS', state: 'dropped' }]);
  await world.control('PUT', '/variants', { provider: 'unipile', name: 'hosted_object', value: 'HostedAuthURL' });
  expect((await world.unipile('POST', '/hosted/accounts/link', body())).body.object).toBe('HostedAuthURL');
});
