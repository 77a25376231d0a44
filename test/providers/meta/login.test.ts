import type { ProviderCall } from '../../../providers/provider.ts';
import { meta } from '../../../providers/meta/index.ts';
import { startMetaSandbox, WHATSAPP, type MetaSandbox } from '../../sandbox/meta-sandbox.ts';
import { failureOf, openStep } from '../unipile/peer.ts';
import { callTo, codeFor, linkedCall, logIn, oauthLogin, redirectUri, tokenLogin } from './calls.ts';

const { login, oauth } = meta;
const day = 24 * 60 * 60_000;

let world: MetaSandbox;
beforeAll(async () => {
  world = await startMetaSandbox();
});
beforeEach(() => world.control('POST', '/reset'));
afterAll(() => world?.close());

const call = (channel: ProviderCall['channel'] = 'messenger', change: Partial<ProviderCall> = {}): ProviderCall =>
  callTo(world.metaUrl, { channel, ...change });

const optionsOf = (progress: Awaited<ReturnType<typeof logIn>>): { id: string; label: string }[] => {
  const { content } = openStep(progress);
  return content.kind === 'choose' ? content.options : [];
};

describe('D1: the page on which an owner agrees', () => {
  it('is Facebook’s dialog of the version in the settings, with what the channel needs', () => {
    const settings = { app_id: '77', app_secret: 's', api_version: 'v25.0' };
    const url = new URL(oauth.authorizationUrl({ ...call('instagram'), settings }, oauthLogin()));
    expect(url.origin + url.pathname).toBe('https://www.facebook.com/v25.0/dialog/oauth');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: '77',
      redirect_uri: redirectUri,
      state: 'state-1',
      response_type: 'code',
      scope:
        'pages_show_list,instagram_basic,instagram_manage_messages,pages_manage_metadata,pages_read_engagement,business_management',
    });
    const again = new URL(oauth.authorizationUrl({ ...call(), settings, providerAccountId: '101' }, oauthLogin()));
    expect(again.searchParams.get('auth_type')).toBe('rerequest');
    expect(again.searchParams.get('scope')).toContain('pages_messaging');
  });

  it('is Instagram’s own where the caller asks for it', () => {
    const settings = { app_id: '77', app_secret: 's', instagram_app_id: '88', instagram_app_secret: 't' };
    const url = new URL(oauth.authorizationUrl({ ...call('instagram'), settings }, oauthLogin({ login: 'instagram' })));
    expect(url.origin + url.pathname).toBe('https://www.instagram.com/oauth/authorize');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: '88',
      scope: 'instagram_business_basic,instagram_business_manage_messages',
      state: 'state-1',
    });
  });
});

describe('D1: a Facebook login', () => {
  it('links the only Page, with a token that has no end and its owner’s, which is renewed at half of its life', async () => {
    const now = Date.now();
    const progress = await logIn(call('messenger', { now }), 'plain@meta.example');
    const { providerAccountId: page, keys } = progress;
    expect(progress).toMatchObject({ next: { linked: true }, notes: [] });
    expect(progress.groups).toEqual([expect.stringMatching(/^user:122\d+$/), `page:${page}`]);
    expect(keys?.expiresAt).toBeUndefined();
    expect(Math.abs((keys?.refreshAt ?? 0) - now - 30 * day)).toBeLessThan(60_000);
    expect(keys?.parentKey).not.toBe(keys?.apiKey);
    expect(keys?.scopes).toContain('pages_messaging');
    const view = await login.check(linkedCall(call(), progress));
    expect(view).toMatchObject({ status: 'linked', reported: 'OK', identity: page, groups: progress.groups });
    expect(JSON.stringify(view.raw)).not.toContain(keys?.apiKey);
  });

  it('links the Instagram account of a Page', async () => {
    const progress = await logIn(call('instagram'), 'plain@meta.example');
    const page = (await logIn(call('messenger'), 'plain@meta.example')).providerAccountId;
    expect(progress.keys?.node).toBe(page);
    expect(progress.groups).toContain(`page:${page}`);
    const view = await login.check(linkedCall(call('instagram'), progress));
    expect(view).toMatchObject({ status: 'linked', identity: progress.providerAccountId });
  });

  it('asks which of several Pages, and links the one that is chosen', async () => {
    const progress = await logIn(call(), 'several@meta.example');
    const options = optionsOf(progress);
    expect(options.map(({ label }) => label)).toEqual([
      expect.stringMatching(/ Coffee$/),
      expect.stringMatching(/ Books$/),
      expect.stringMatching(/ Bikes$/),
    ]);
    expect(progress.providerAccountId).toBeNull();
    const waiting = call('messenger', { keys: progress.keys });
    const { content } = openStep(progress);
    expect(await failureOf(login.answer(waiting, content, '101'))).toMatchObject({ code: 'wrong_answer' });
    const chosen = await login.answer(waiting, content, options[1]?.id ?? '');
    expect(chosen).toMatchObject({ providerAccountId: options[1]?.id, next: { linked: true } });
    expect((await login.check(linkedCall(call(), chosen))).status).toBe('linked');
  });

  it('offers the Instagram accounts that Pages have, by name', async () => {
    const options = optionsOf(await logIn(call('instagram'), 'several@meta.example'));
    expect(options).toHaveLength(2);
    for (const { id, label } of options) {
      expect(id).toMatch(/^17841/);
      expect(label).toMatch(/^@\S+ \(.+\)$/);
    }
  });

  it('takes the first one where no question is wanted, and names it', async () => {
    const options = optionsOf(await logIn(call(), 'several@meta.example'));
    const first = await logIn(call(), 'several@meta.example', { choose: 'first' });
    expect(first).toMatchObject({
      providerAccountId: options[0]?.id,
      taken: { label: options[0]?.label, of: 3 },
      next: { linked: true },
    });
    expect((await logIn(call(), 'plain@meta.example', { choose: 'first' })).taken).toBeUndefined();
  });

  it('offers what the owner ticked in the dialog alone', async () => {
    const [first = { id: '' }] = optionsOf(await logIn(call(), 'several@meta.example'));
    const only = await logIn(
      call(),
      'several@meta.example',
      {},
      { tick: (field, value) => (field === 'page' ? value === first.id : undefined) },
    );
    expect(only).toMatchObject({ providerAccountId: first.id, next: { linked: true } });
  });

  it('of an account that is connected again takes that one, and no other', async () => {
    const options = optionsOf(await logIn(call(), 'several@meta.example'));
    const id = options[2]?.id ?? '';
    const again = await logIn(call('messenger', { providerAccountId: id }), 'several@meta.example');
    expect(again).toMatchObject({ providerAccountId: id, next: { linked: true } });
    const other = logIn(call('messenger', { providerAccountId: id }), 'plain@meta.example');
    expect(await failureOf(other)).toMatchObject({ code: 'another_identity' });
  });

  it.each([
    ['no-page', 'messenger', 'no_page'],
    ['no-page', 'instagram', 'no_page'],
    ['no-instagram', 'instagram', 'no_instagram_account'],
    ['some-scopes', 'messenger', 'permission_missing'],
    ['some-scopes', 'instagram', 'permission_missing'],
  ] as const)('of "%s" on %s fails as %s, and says why', async (story, channel, code) => {
    const failure = await failureOf(logIn(call(channel), `${story}@meta.example`));
    expect(failure).toMatchObject({ code });
    expect(failure.message.length).toBeGreaterThan(20);
  });

  it('without Instagram links the Page all the same', async () => {
    expect((await logIn(call(), 'no-instagram@meta.example')).next.linked).toBe(true);
  });

  it.each([
    ['pages_read_engagement', /Past conversations/],
    ['pages_manage_metadata', /New messages are not reported/],
  ])('without %s links, and tells what does not work', async (scope, consequence) => {
    const tick = (field: string, value: string): boolean | undefined =>
      field === 'scope' ? value !== scope : undefined;
    const progress = await logIn(call(), 'some-scopes@meta.example', {}, { tick });
    expect(progress.next.linked).toBe(true);
    expect(progress.notes).toEqual([expect.stringMatching(consequence)]);
    expect(progress.notes?.[0]).toContain(scope);
  });

  it('takes a code once', async () => {
    const given = oauthLogin({ choose: 'first' });
    const code = await codeFor(call(), 'plain@meta.example', given);
    await oauth.exchange(call(), code, given);
    expect(await failureOf(oauth.exchange(call(), code, given))).toMatchObject({ code: 'wrong_answer' });
    expect(await failureOf(oauth.exchange(call(), 'made-up', given))).toMatchObject({ code: 'wrong_answer' });
  });

  it('takes a code with the address alone that it was asked for with', async () => {
    const given = oauthLogin();
    const code = await codeFor(call(), 'plain@meta.example', given);
    const other = { ...given, oauth: { ...given.oauth, redirectUri: 'http://127.0.0.1:9/elsewhere' } };
    expect(await failureOf(oauth.exchange(call(), code, other))).toMatchObject({ code: 'wrong_answer' });
  });

  it('names a wrong secret of the app, which is the operator’s to mend', async () => {
    const settings = { ...call().settings, app_secret: 'another-secret' };
    const code = await codeFor(call(), 'plain@meta.example', oauthLogin());
    const failure = await failureOf(oauth.exchange(call('messenger', { settings }), code, oauthLogin()));
    expect(failure).toMatchObject({ code: 'provider_key_rejected' });
  });
});

describe('D2: an Instagram login', () => {
  const byInstagram = { login: 'instagram' };

  it.each([
    ['data', 'text'],
    ['data', 'array'],
    ['flat', 'text'],
    ['flat', 'array'],
  ])('links the account itself, its answer being %s and its permissions %s', async (exchange, permissions) => {
    await world.variant('instagram_exchange', exchange);
    await world.variant('instagram_permissions', permissions);
    const now = Date.now();
    const progress = await logIn(call('instagram', { now }), 'plain@meta.example', byInstagram);
    expect(progress).toMatchObject({
      providerAccountId: expect.stringMatching(/^17841/),
      groups: [expect.stringMatching(/^user:\d+$/)],
      keys: { host: 'instagram', scopes: ['instagram_business_basic', 'instagram_business_manage_messages'] },
      next: { linked: true },
    });
    expect(Math.abs((progress.keys?.expiresAt ?? 0) - now - 60 * day)).toBeLessThan(60_000);
    const view = await login.check(linkedCall(call('instagram'), progress));
    expect(view).toMatchObject({
      status: 'linked',
      identity: progress.providerAccountId,
      groups: progress.groups,
    });
  });

  it('without the permission for messages fails, and names it', async () => {
    const failure = await failureOf(logIn(call('instagram'), 'some-scopes@meta.example', byInstagram));
    expect(failure).toMatchObject({ code: 'permission_missing' });
    expect(failure.message).toContain('instagram_business_manage_messages');
  });

  it('of another account does not connect an account again', async () => {
    const again = call('instagram', { providerAccountId: '17841000' });
    expect(await failureOf(logIn(again, 'plain@meta.example', byInstagram))).toMatchObject({
      code: 'another_identity',
    });
  });

  it('takes a code once', async () => {
    const given = oauthLogin(byInstagram);
    const code = await codeFor(call('instagram'), 'plain@meta.example', given);
    await oauth.exchange(call('instagram'), code, given);
    expect(await failureOf(oauth.exchange(call('instagram'), code, given))).toMatchObject({ code: 'wrong_answer' });
  });
});

describe('a login by a token', () => {
  it('of a Page links it', async () => {
    const page = await world.page('plain@meta.example');
    for (const [channel, id] of [
      ['messenger', page.id],
      ['instagram', page.instagram],
    ] as const) {
      const progress = await login.begin(call(channel), tokenLogin({ access_token: page.token }));
      expect(progress).toMatchObject({ providerAccountId: id, next: { linked: true } });
      expect((await login.check(linkedCall(call(channel), progress))).status).toBe('linked');
    }
  });

  it('of an owner links a Page of theirs, or asks which one', async () => {
    const token = await world.userToken('plain@meta.example');
    const progress = await login.begin(call(), tokenLogin({ access_token: token }));
    expect(progress).toMatchObject({ next: { linked: true }, keys: { parentKey: expect.stringMatching(/^EAA/) } });
    const several = await world.userToken('several@meta.example');
    expect(optionsOf(await login.begin(call(), tokenLogin({ access_token: several })))).toHaveLength(3);
    const first = tokenLogin({ access_token: several, choose: 'first' });
    expect(await login.begin(call(), first)).toMatchObject({ taken: { of: 3 } });
  });

  it('of Instagram’s own login links the account, whatever the token’s age', async () => {
    const { token, account } = await world.instagramToken('plain@meta.example');
    const begin = (access_token: string) => login.begin(call('instagram'), tokenLogin({ access_token }));
    const short = await begin(token);
    expect(short).toMatchObject({ providerAccountId: account, keys: { host: 'instagram' }, next: { linked: true } });
    expect(short.keys?.apiKey).not.toBe(token);
    // Long-lived, and too young to be renewed.
    const young = await begin(short.keys?.apiKey ?? '');
    expect(young.keys).toMatchObject({ apiKey: short.keys?.apiKey, expiresAt: expect.any(Number) });
    expect((young.keys?.refreshAt ?? 0) - Date.now()).toBeLessThanOrEqual(day);
    await world.later(25 * 60 * 60);
    expect((await begin(short.keys?.apiKey ?? '')).keys?.apiKey).not.toBe(short.keys?.apiKey);
  });

  it.each(['messenger', 'instagram'] as const)('on %s refuses one that is not valid', async (channel) => {
    const begin = (access_token: string) => login.begin(call(channel), tokenLogin({ access_token }));
    expect(await failureOf(begin('EAAmade-up'))).toMatchObject({ code: 'wrong_token' });
    const { id, token } = await world.page('plain@meta.example');
    await world.control('POST', '/drop', { account_id: id, status: 'password_changed' });
    const failure = await failureOf(begin(token));
    expect(failure).toMatchObject({ code: 'wrong_token' });
    expect(failure.message).toContain('460');
  });

  it('refuses one of another app', async () => {
    await world.variant('other_apps', [{ id: '555', secret: 'other-secret' }]);
    const settings = { ...call().settings, app_id: '555', app_secret: 'other-secret' };
    const { token } = await world.page('plain@meta.example');
    const failure = await failureOf(login.begin(call('messenger', { settings }), tokenLogin({ access_token: token })));
    expect(failure).toMatchObject({ code: 'wrong_token' });
  });
});

describe('D3: a WhatsApp number by token', () => {
  const given = { access_token: WHATSAPP.token, business_account_id: WHATSAPP.waba };
  const begin = (credentials: Record<string, unknown>, change: Partial<ProviderCall> = {}) =>
    login.begin(call('whatsapp', change), tokenLogin(credentials));

  it('is linked where both ids belong together', async () => {
    const progress = await begin({ ...given, phone_number_id: WHATSAPP.number });
    expect(progress).toMatchObject({
      providerAccountId: WHATSAPP.number,
      keys: { apiKey: WHATSAPP.token, business: WHATSAPP.waba },
      groups: [`waba:${WHATSAPP.waba}`],
      notes: [],
      next: { linked: true },
    });
    expect(progress.keys).not.toHaveProperty('refreshAt');
    const view = await login.check(linkedCall(call('whatsapp'), progress));
    expect(view).toMatchObject({ status: 'linked', reported: 'CONNECTED', identity: '+27110000001' });
  });

  it('is asked for where there are several, and by the settings where nothing is given', async () => {
    const asked = await begin(given);
    const options = optionsOf(asked);
    expect(options).toEqual([
      { id: WHATSAPP.number, label: '+27110000001 (Karoo Coffee)' },
      { id: '201000000000002', label: '+27110000002 (Karoo Coffee Orders)' },
    ]);
    const waiting = call('whatsapp', { keys: asked.keys });
    const chosen = await login.answer(waiting, openStep(asked).content, '201000000000002');
    expect(chosen).toMatchObject({ providerAccountId: '201000000000002', next: { linked: true } });

    const settings = {
      ...call().settings,
      whatsapp_access_token: WHATSAPP.token,
      whatsapp_business_account_id: WHATSAPP.waba,
      whatsapp_phone_number_id: WHATSAPP.number,
    };
    expect(await begin({}, { settings })).toMatchObject({ providerAccountId: WHATSAPP.number });
    expect(await begin({ phone_number_id: '201000000000002' }, { settings })).toMatchObject({
      providerAccountId: '201000000000002',
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['a number of another account', { ...given, phone_number_id: '201000000000009' }],
    ['another business account', { ...given, business_account_id: '301000000000009' }],
    ['a made-up token', { ...given, access_token: 'EAAmade-up' }],
    ['no business account', { access_token: WHATSAPP.token }],
    ['no token', { business_account_id: WHATSAPP.waba }],
  ])('is refused with %s, and told why', async (_what, credentials) => {
    const failure = await failureOf(begin(credentials));
    expect(failure).toMatchObject({ code: 'wrong_token' });
    expect(failure.message).not.toContain(WHATSAPP.token);
  });

  it('that is connected again is the same number', async () => {
    const again = { providerAccountId: WHATSAPP.number };
    expect(await begin(given, again)).toMatchObject({ providerAccountId: WHATSAPP.number, next: { linked: true } });
    const other = { providerAccountId: '201000000000009' };
    expect(await failureOf(begin(given, other))).toMatchObject({ code: 'wrong_token' });
  });
});
