import type { LoginProgress, ProviderCall } from '../../../providers/provider.ts';
import { wasender } from '../../../providers/wasender/index.ts';
import { startWasenderSandbox, type WasenderSandbox } from '../../sandbox/wasender-sandbox.ts';
import { failureOf, openStep } from '../unipile/peer.ts';
import { callAfter, callTo, inputFor, linkedCall } from './calls.ts';

const { login, account } = wasender;
let world: WasenderSandbox;
beforeAll(async () => {
  world = await startWasenderSandbox();
});
beforeEach(() => world.control('POST', '/reset'));
afterAll(() => world?.close());

const call = (change: Partial<ProviderCall> = {}): ProviderCall => callTo(world.wasenderUrl, change);
const begin = (phone?: string) => login.begin(call(), inputFor(phone));
const scan = ({ providerAccountId: session }: { providerAccountId: string | null }, phone?: string) =>
  world.control('POST', '/scan', { session, ...(phone && { phone }) });
const drop = ({ providerAccountId: session }: ProviderCall, status: string) =>
  world.control('POST', '/drop', { session, status });
const sessions = async (): Promise<any[]> => (await world.wasender('GET', '/whatsapp-sessions')).body.data;
const session = async (id: string | null): Promise<any> =>
  (await world.wasender('GET', `/whatsapp-sessions/${id}`)).body.data;
const fault = (rule: object = {}) => world.control('PUT', '/faults', { provider: 'wasender', ...rule });
const count = async (method: string, route: string): Promise<number> =>
  ((await world.control('GET', '/calls')).body as { method: string; route: string; count: number }[])
    .filter((one) => one.method === method && one.route === `/api${route}`)
    .reduce((sum, one) => sum + one.count, 0);
const qrOf = (progress: LoginProgress): string => {
  const { content } = openStep(progress);
  if (content.kind !== 'qr') throw new Error(`a step of the kind ${content.kind}`);
  return content.text;
};

describe('A1: a login by QR', () => {
  it('makes a session, and answers the code, its 45 seconds and the session’s keys', async () => {
    const begun = await login.begin(call({ now: 1_000 }), inputFor('+33639980001'));
    expect(openStep(begun)).toMatchObject({ expiresAt: 46_000, canResend: false, canTryAnotherWay: false });
    expect(qrOf(begun)).toMatch(/^2@/);
    const made = await session(begun.providerAccountId);
    expect(begun).toMatchObject({
      providerAccountId: String(made.id),
      keys: { apiKey: made.api_key, webhookSecret: made.webhook_secret },
    });
    expect(made).toMatchObject({ name: 'Patchbay attempt-1', phone_number: '+33639980001', log_messages: true });
  });

  it('has the session send its events to us', async () => {
    const made = await session((await begin('+33639980001')).providerAccountId);
    expect(made).toMatchObject({ webhook_url: call().webhookAddress, webhook_enabled: true });
    expect(made.webhook_events).toEqual(expect.arrayContaining(['session.status', 'contacts.update']));
  });

  it('passes the session’s options through', async () => {
    const options = { account_protection: true, log_messages: false, read_incoming_messages: true };
    const input = { ...inputFor(), credentials: { phone_number: '33 639 980 001', ...options } };
    const made = await session((await login.begin(call(), input)).providerAccountId);
    expect(made).toMatchObject({ ...options, phone_number: '+33639980001' });
  });

  it('replaces a lapsed code by a new one of the same session', async () => {
    const begun = await begin('+33639980001');
    await world.control('POST', '/clock', { advance_seconds: 46 });
    const next = await login.begin(callAfter(world, begun), inputFor());
    expect(next.providerAccountId).toBe(begun.providerAccountId);
    expect(qrOf(next)).not.toBe(qrOf(begun));
    expect(await sessions()).toHaveLength(1);
    await scan(begun);
    expect((await login.check(callAfter(world, begun))).status).toBe('linked');
  });

  it('begins again on a session that nobody scanned in time', async () => {
    await world.variant('link_seconds', 60);
    const begun = await begin('+33639980001');
    await world.control('POST', '/clock', { advance_seconds: 90 });
    expect(await login.check(callAfter(world, begun))).toMatchObject({ status: 'login_lost', reported: 'expired' });
    expect(qrOf(await login.begin(callAfter(world, begun), inputFor()))).not.toBe(qrOf(begun));
  });

  it('is the phone’s that scanned, whatever number the session was made for', async () => {
    const begun = await begin('+33639980001');
    await scan(begun, '+33639980002');
    expect((await login.check(callAfter(world, begun))).identity).toBe('+33639980002');
  });

  it('unlinks a phone that is not the account’s before it asks for the right one', async () => {
    const begun = await begin('+33639980001');
    await scan(begun, '+33639980002');
    const same = await login.begin(callAfter(world, begun), inputFor(undefined, { identity: '+33639980002' }));
    expect(same.next.linked).toBe(true);
    const other = await login.begin(callAfter(world, begun), inputFor(undefined, { identity: '+33639980001' }));
    expect(qrOf(other)).toMatch(/^2@/);
  });
});

describe('the number', () => {
  it('is asked for first where it is not given, and nothing is made until then', async () => {
    const begun = await begin();
    expect(begun).toMatchObject({ providerAccountId: null, next: { content: { kind: 'phone' } } });
    expect(await sessions()).toEqual([]);
    const next = await login.answer(call(), { kind: 'phone' }, '+33639980001', inputFor());
    expect(qrOf(next)).toMatch(/^2@/);
    expect((await session(next.providerAccountId)).name).toBe('Patchbay attempt-1');
  });

  it('that the account had is not asked for again', async () => {
    const begun = await login.begin(call(), inputFor(undefined, { identity: '+33639980001' }));
    expect((await session(begun.providerAccountId)).phone_number).toBe('+33639980001');
  });

  it('that WASender refuses may be given again', async () => {
    for (const phone of ['+12345', 'hello'])
      expect(await failureOf(login.answer(call(), { kind: 'phone' }, phone, inputFor()))).toMatchObject({
        code: 'wrong_answer',
        effect: 'none',
      });
  });

  it.each([
    [{}, null],
    [{ phone_number: '+33 6 39 98 00 01', always_online: true, proxy_url: 'socks5://p.example:1080' }, null],
    [{ phone_number: 'call me' }, 'phone_number'],
    [{ phone_number: 33639980001 }, 'phone_number'],
    [{ proxy_url: 'ftp://p.example' }, 'proxy_url'],
    [{ username: 'ada', password: 'hunter2' }, 'username, password'],
  ])('and its options are checked: %j', (credentials, names) => {
    const said = wasender.validateLoginInput('whatsapp', { method: 'qr', credentials });
    if (names === null) expect(said).toBeNull();
    else expect(said).toContain(names);
    expect(said ?? '').not.toContain('hunter2');
  });
});

describe.each([
  ['status_case', 'lower'],
  ['status_case', 'upper'],
  ['status_case', 'mixed'],
  ['field_case', 'snake'],
  ['field_case', 'camel'],
  ['status_envelope', 'wrapped'],
  ['session_id_type', 'text'],
  ['create_status', 200],
  ['update_body', 'whole'],
  ['update_warning', 'Saved, but take care.'],
  ['qr_renews', true],
  ['after_disconnect', 'disconnected'],
  ['error_field', 'error'],
  ['error_field', 'message'],
  ['error_status', '200'],
  ['reset_unit', 'seconds'],
])('with %s %s', (name, value) => {
  beforeEach(() => world.variant(name, value));

  it('a number is connected, looked at, lost, connected again and ended', async () => {
    const begun = await begin('+33639980001');
    expect(qrOf(begun)).toMatch(/^2@/);
    const here = callAfter(world, begun);
    expect(here.keys).toEqual({ apiKey: expect.any(String), webhookSecret: expect.any(String) });
    expect(await login.check(here)).toMatchObject({ status: 'login_lost', reported: 'need_scan' });
    await scan(begun);
    const view = await login.check(here);
    expect(view).toMatchObject({ status: 'linked', reported: 'connected', identity: '+33639980001', keys: here.keys });
    expect(view.createdAt).toBeLessThanOrEqual(Date.now());
    const details = await account.details(here, view);
    expect(details.connection_config).toMatchObject({ phone_number: '+33639980001', messaging_status: 'CONNECTED' });
    expect(details.provider_config.notification_preferences.account_status).toBe(true);
    expect((await account.list(here)).map((one) => [one.providerAccountId, one.view.status])).toEqual([
      [here.providerAccountId, 'linked'],
    ]);
    await drop(here, 'logged_out');
    expect(await login.check(here)).toMatchObject({ status: 'login_lost', reported: 'logged_out' });
    expect(qrOf(await login.begin(here, inputFor()))).not.toBe(qrOf(begun));
    await scan(begun);
    expect((await login.begin(here, inputFor())).next.linked).toBe(true);
    await login.revoke(here);
    await login.revoke(here);
    expect(await login.check(here)).toMatchObject({ status: 'not_found', raw: null });
    expect(await sessions()).toEqual([]);
  });
});

describe('how a session stands', () => {
  it.each([
    ['connected', 'linked'],
    ['connecting', 'degraded'],
    ['need_scan', 'login_lost'],
    ['need_passkey', 'login_lost'],
    ['disconnected', 'login_lost'],
    ['logged_out', 'login_lost'],
    ['expired', 'login_lost'],
  ])('%s is %s', async (status, seen) => {
    const here = await linkedCall(world);
    await drop(here, status);
    expect((await login.check(here)).status).toBe(seen);
  });

  it('carries its keys beside it, never in what is kept as the raw answer', async () => {
    const here = await linkedCall(world);
    const view = await login.check(here);
    const details = await account.details(here, view);
    for (const secret of [here.keys?.apiKey, here.keys?.webhookSecret]) {
      expect(JSON.stringify(view.keys)).toContain(secret);
      expect(JSON.stringify([view.raw, details])).not.toContain(secret);
    }
    expect(view.raw).toMatchObject({ phone_number: '+33639980001', user: { id: '33639980001:1@s.whatsapp.net' } });
  });

  it('is restarted while it is connected, and only then', async () => {
    const here = await linkedCall(world);
    expect(await login.restore(here)).toBe(true);
    await drop(here, 'logged_out');
    expect(await login.restore(here)).toBe(false);
    expect(await login.restore(call({ providerAccountId: '1' }))).toBe(false);
  });

  it('of ids that nobody has is gone, and ending them is no mistake', async () => {
    for (const providerAccountId of ['1', 'patchbay-doctor', '..', '', null]) {
      expect((await login.check(call({ providerAccountId }))).status).toBe('not_found');
      await login.revoke(call({ providerAccountId }));
    }
  });

  it('takes the key that WASender made anew', async () => {
    const here = await linkedCall(world);
    const { api_key: fresh } = (
      await world.wasender('POST', `/whatsapp-sessions/${here.providerAccountId}/regenerate-key`)
    ).body;
    expect(await login.check(here)).toMatchObject({ status: 'linked', keys: { apiKey: fresh } });
  });
});

describe('a beginning whose answer was lost', () => {
  it('is proven by its reference, and taken up where it stands', async () => {
    await fault({ route: 'POST /api/whatsapp-sessions', after_effect: 1, times: 1 });
    expect(await failureOf(begin('+33639980001'))).toMatchObject({ effect: 'unknown' });
    const [made] = await sessions();
    const since = Date.now() - 60_000;
    const found = await login.findUnconfirmedLogins(call(), inputFor('+33639980001'), since);
    expect(found).toEqual([{ providerAccountId: String(made.id), proven: true }]);
    expect(qrOf(await login.begin(call({ providerAccountId: String(made.id) }), inputFor()))).toMatch(/^2@/);
  });

  it('is only suspected in a young session of the same number that somebody else named', async () => {
    const { id } = await world.created({ phone_number: '+33639980001' });
    await world.created({ phone_number: '+33639980002' });
    const find = (since: number) => login.findUnconfirmedLogins(call(), inputFor('+33639980001'), since);
    expect(await find(Date.now() - 60_000)).toEqual([{ providerAccountId: String(id), proven: false }]);
    expect(await find(Date.now() + 60_000)).toEqual([]);
  });

  it.each(['connect', 'PUT'])('leaves no session behind when its %s fails', async (what) => {
    const route = what === 'PUT' ? 'PUT /api/whatsapp-sessions/:id' : 'POST /api/whatsapp-sessions/:id/connect';
    await fault({ route, rate_500: 1 });
    expect(await failureOf(begin('+33639980001'))).toMatchObject({ code: 'provider_unavailable', effect: 'none' });
    expect(await sessions()).toEqual([]);
    await fault({ route: 'DELETE /api/whatsapp-sessions/:id', rate_500: 1 });
    expect(await failureOf(begin('+33639980001'))).toMatchObject({ effect: 'unknown' });
    expect(await sessions()).toHaveLength(1);
    await fault();
  });
});

describe('what the plan does not include', () => {
  it.each([
    ['subscription', 'none'],
    ['session_limit', 1],
  ])('is named: %s %s', async (name, value) => {
    await world.created();
    for (const error_status of ['http', '200']) {
      await world.variant('error_status', error_status);
      await world.variant(name, value);
      expect(await failureOf(begin('+33639980001'))).toMatchObject({ code: 'plan_required', effect: 'none' });
      expect(await sessions()).toHaveLength(1);
    }
  });
});

describe('registration of webhooks', () => {
  const path = '/webhooks/wasender/token';

  it('follows PUBLIC_URL on our own sessions, and leaves those of others alone', async () => {
    const ours = await begin('+33639980001');
    const other = await world.created({ webhook_url: 'https://other.example/hook', webhook_enabled: true });
    const none = await world.created();
    const ids = await account.registerWebhooks(call(), `https://new.example${path}`);
    expect(ids).toEqual(await account.registerWebhooks(call(), `https://new.example${path}`));
    expect(ids).not.toEqual([]);
    const urls = await Promise.all([ours.providerAccountId, other.id, none.id].map((id) => session(String(id))));
    expect(urls.map((one) => one.webhook_url)).toEqual([
      `https://new.example${path}`,
      'https://other.example/hook',
      null,
    ]);
    expect(await count('PUT', '/whatsapp-sessions/:id')).toBe(2);
  });

  it('of a session that somebody else made is done where nobody listens yet, and once', async () => {
    const { id } = await world.linked();
    const taken = await world.created({ webhook_url: 'https://other.example/hook' });
    for (const one of [id, id, taken.id]) await account.subscribe?.(call({ providerAccountId: String(one) }));
    expect((await session(String(id))).webhook_url).toBe(call().webhookAddress);
    expect((await session(String(taken.id))).webhook_url).toBe('https://other.example/hook');
    expect(await count('PUT', '/whatsapp-sessions/:id')).toBe(1);
  });
});

describe('F1: what lives at WASender', () => {
  it('is listed without keys; what was never connected is unfinished', async () => {
    const [linked, fresh] = [await world.linked(), await world.created()];
    const found = await account.list(call());
    expect(found.map((one) => [one.providerAccountId, one.channel, one.name, one.view.status])).toEqual([
      [String(linked.id), 'whatsapp', 'Shop', 'linked'],
      [String(fresh.id), 'whatsapp', 'Shop', 'pending'],
    ]);
    expect(found[0]?.view.identity).toBe('+33639980001');
  });
});

describe('a session’s key in place of a personal access token', () => {
  const settingsOf = (key: string) => ({ api_token: key, base_url: world.wasenderUrl });

  it('serves its own session: connected, listed, looked at', async () => {
    const { key } = await world.linked();
    const begun = await login.begin(call({ settings: settingsOf(key) }), inputFor());
    expect(begun.next.linked).toBe(true);
    expect(begun.providerAccountId).not.toContain(key.slice(0, 8));
    const here = call({ settings: settingsOf(key), providerAccountId: begun.providerAccountId });
    expect(await login.check(here)).toMatchObject({ status: 'linked', identity: '+33639980001' });
    expect((await account.list(here)).map((one) => one.providerAccountId)).toEqual([begun.providerAccountId]);
    expect((await wasender.contacts?.page(here, null))?.contacts).toHaveLength(10);
    expect((await login.check({ ...here, providerAccountId: '12' })).status).toBe('not_found');
    await login.revoke(here);
    expect((await login.check(here)).status).toBe('linked');
  });

  it('waits where the number must be linked on WASender’s own page', async () => {
    const { key } = await world.created();
    const begun = await login.begin(call({ settings: settingsOf(key) }), inputFor());
    expect(openStep(begun).content.kind).toBe('wait');
  });

  it('is refused when it is wrong', async () => {
    const wrong = call({ settings: settingsOf('0'.repeat(64)), providerAccountId: 'x' });
    expect((await failureOf(login.check(wrong))).code).toBe('provider_key_rejected');
  });
});
