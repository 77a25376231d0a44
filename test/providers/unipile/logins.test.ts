import type { LoginInput, LoginProgress, ProviderCall } from '../../../providers/provider.ts';
import { unipile } from '../../../providers/unipile/unipile.ts';
import { startWorld, type World } from '../../sandbox/world.ts';
import { eventually } from '../../support/eventually.ts';

const { login, account } = unipile;
let world: World;
beforeAll(async () => {
  world = await startWorld();
});
beforeEach(() => world.control('POST', '/reset'));
afterAll(() => world?.close());

const call = (change: Partial<ProviderCall> = {}): ProviderCall => ({
  settings: { dsn: world.unipileUrl, access_token: 'sandbox-key' },
  channel: 'linkedin',
  providerAccountId: null,
  now: Date.now(),
  ...change,
});
const as = (story: string): LoginInput => ({
  method: 'credentials',
  credentials: { username: `${story}@provider.example`, password: 'correct horse' },
});
const qr: LoginInput = { method: 'qr', credentials: {} };
const step = (progress: LoginProgress) => (progress.next.linked ? 'linked' : progress.next.content.kind);

/** Begins a story and answers what it asks, in turn; the kinds of step that came. */
async function play(story: string, ...answers: string[]): Promise<string[]> {
  let progress = await login.begin(call(), as(story));
  const kinds = [step(progress)];
  for (const text of answers) {
    if (progress.next.linked) break;
    const { content } = progress.next;
    progress = await login.answer(call({ providerAccountId: progress.providerAccountId }), content, text);
    kinds.push(step(progress));
  }
  return kinds;
}

describe('A3 and A4: every story of a login', () => {
  it.each([
    ['plain', [], ['linked']],
    ['2fa', ['123456'], ['code', 'linked']],
    ['otp', ['123456'], ['code', 'linked']],
    ['phone', ['+33639980100'], ['phone', 'linked']],
  ])('%s', async (story, answers, kinds) => expect(await play(story, ...answers)).toEqual(kinds));

  it('contract, after 2FA or alone: one of the options is chosen', async () => {
    const begun = await login.begin(call(), as('two'));
    if (begun.next.linked) throw new Error('no checkpoint');
    const at = call({ providerAccountId: begun.providerAccountId });
    const choice = await login.answer(at, begun.next.content, '123456');
    if (choice.next.linked || choice.next.content.kind !== 'choose') throw new Error('no choice');
    const [option] = choice.next.content.options;
    expect(step(await login.answer(at, choice.next.content, option?.id ?? ''))).toBe('linked');
  });

  it('refuses a wrong code, and takes the right one afterwards', async () => {
    const begun = await login.begin(call(), as('2fa'));
    if (begun.next.linked) throw new Error('no checkpoint');
    const at = call({ providerAccountId: begun.providerAccountId });
    await expect(login.answer(at, begun.next.content, '000000')).rejects.toMatchObject({ code: 'wrong_answer' });
    expect(step(await login.answer(at, begun.next.content, ' 123456 '))).toBe('linked');
  });

  it('has a code sent again, and another way offered', async () => {
    const begun = await login.begin(call(), as('2fa'));
    if (begun.next.linked) throw new Error('no checkpoint');
    expect(begun.next).toMatchObject({ canResend: true, canTryAnotherWay: true });
    const at = call({ providerAccountId: begun.providerAccountId });
    expect(await login.resend(at)).toBeNull();
    expect(step(await login.anotherWay(at))).not.toBe('linked');
  });

  it('waits for the approval in the app by looking', async () => {
    const begun = await login.begin(call(), as('approve'));
    expect(step(begun)).toBe('approve');
    const at = call({ providerAccountId: begun.providerAccountId });
    expect((await login.look(at)).status).not.toBe('linked');
    await world.control('POST', '/approve', { account_id: begun.providerAccountId ?? '' });
    expect((await login.look(at)).status).toBe('linked');
  });

  it('names wrong credentials', () =>
    expect(login.begin(call(), as('wrong-password'))).rejects.toMatchObject({ code: 'wrong_credentials' }));
});

describe('A1, A5, A6: QR, reconnection, end', () => {
  it('links by a scan, reconnects under the same id, and ends twice', async () => {
    const begun = await login.begin(call({ channel: 'whatsapp' }), qr);
    expect(begun.next).toMatchObject({ content: { kind: 'qr', text: expect.stringContaining('@') } });
    const id = begun.providerAccountId ?? '';
    const at = call({ channel: 'whatsapp', providerAccountId: id });
    await world.control('POST', '/scan', { account_id: id, phone: '+33639980100' });
    expect(await login.look(at)).toMatchObject({ status: 'linked', identity: '+33639980100' });

    await world.control('POST', '/drop', { account_id: id, status: 'CREDENTIALS' });
    expect((await login.look(at)).status).toBe('login_lost');
    expect((await login.begin(at, qr)).providerAccountId).toBe(id);

    await login.revoke(at);
    await login.revoke(at);
    expect((await login.look(at)).status).toBe('gone');
  });

  it('restarts what stopped, and says when there is nothing to restart', async () => {
    const { providerAccountId } = await login.begin(call(), as('plain'));
    const at = call({ providerAccountId });
    await world.control('POST', '/drop', { account_id: providerAccountId ?? '', status: 'ERROR' });
    expect((await login.look(at)).status).toBe('halted');
    expect(await login.restore(at)).toBe(true);
    await eventually('the restart', async () => (await login.look(at)).status === 'linked');
    expect(await login.restore(call({ providerAccountId: 'unknown' }))).toBe(false);
  });
});

describe('a beginning whose answer was lost', () => {
  const lose = () => world.control('PUT', '/faults', { provider: 'unipile', after_effect: 1 });
  const heal = () => world.control('PUT', '/faults', { provider: 'unipile' });

  it('is found and proven by the name that was typed, among all pages of other accounts', async () => {
    const since = Date.now() - 60_000;
    for (let n = 0; n < 3; n += 1) await login.begin(call(), as('plain'));
    await lose();
    const input: LoginInput = { method: 'credentials', credentials: { username: 'plain@lost.example', password: 'p' } };
    await expect(login.begin(call(), input)).rejects.toMatchObject({ effect: 'unknown' });
    await heal();
    const proven = (await login.findBegun(call(), input, since, new Set())).filter((one) => one.proven);
    expect(proven).toHaveLength(1);
    const known = new Set(proven.map((one) => one.providerAccountId));
    const others = await login.findBegun(call(), input, since, known);
    expect(others.map((one) => one.proven)).not.toContain(true);
    expect(await login.findBegun(call(), input, Date.now() + 60_000, new Set())).toEqual([]);
  });

  it('is found but not proven where nothing was typed', async () => {
    await lose();
    await expect(login.begin(call({ channel: 'whatsapp' }), qr)).rejects.toMatchObject({ effect: 'unknown' });
    await heal();
    const found = await login.findBegun(call({ channel: 'whatsapp' }), qr, 0, new Set());
    expect(found.every((one) => !one.proven)).toBe(true);
  });
});

describe('registration of webhooks', () => {
  const list = async (): Promise<any[]> => (await world.unipile('GET', '/webhooks?limit=250')).body.items;

  it('registers each source once however often it is asked, and leaves those of others alone', async () => {
    const other = 'https://other.example/hook';
    await world.unipile('POST', '/webhooks', { request_url: other, source: 'messaging' });
    const address = 'https://patchbay.example/webhooks/unipile/token';
    const first = await account.registerWebhooks(call(), address, 's1');
    const again = await account.registerWebhooks(call(), address, 's2');
    const found = await list();
    const here = found.filter((one) => one.request_url === address);
    expect(found.length - here.length).toBe(1);
    expect(new Set(here.map((one) => one.id))).toEqual(new Set(again));
    expect(here).toHaveLength(2);
    expect(again).not.toEqual(first);
    expect(JSON.stringify(found)).toContain('s2');
  });
});

it('says what is wrong with a login before anybody is asked, and never repeats a value', () => {
  const wrong = (credentials: Record<string, unknown>, method: LoginInput['method'] = 'credentials') =>
    unipile.checkLogin('linkedin', { method, credentials });
  expect(wrong({ username: 'a', password: 'b' })).toBeNull();
  expect(wrong({ access_token: 'li_at' })).toBeNull();
  expect(wrong({}, 'hosted')).toBeNull();
  for (const credentials of [{}, { username: 'canary' }, { username: 'a', password: 'canary', odd: 1 }]) {
    expect(wrong(credentials)).toMatch(/^credentials: /);
    expect(wrong(credentials)).not.toContain('canary');
  }
  expect(wrong({ password: 'canary' }, 'hosted')).toMatch(/password/);
});
