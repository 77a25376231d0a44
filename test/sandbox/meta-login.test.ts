import { walkDialog } from '../support/meta-dialog.ts';
import { visitor } from '../support/hosted-page.ts';
import { APP, REDIRECT, startMetaSandbox, type MetaSandbox } from './meta-sandbox.ts';

describe("Meta's login dialog, through pages without script", () => {
  let sandbox: MetaSandbox;
  beforeEach(async () => {
    sandbox = await startMetaSandbox();
  });
  afterEach(() => sandbox.close());

  const exchange = (code: string, more: Record<string, string> = {}) =>
    sandbox.graph('GET', '/oauth/access_token', null, {
      client_id: APP.id,
      client_secret: APP.secret,
      redirect_uri: REDIRECT,
      code,
      ...more,
    });
  const codeOf = (back: URL): string => back.searchParams.get('code') ?? '';
  const accountsOf = async (userName: string, answers = {}): Promise<any[]> => {
    const { body } = await exchange(codeOf(await sandbox.login(userName, {}, answers)));
    const fields = 'id,name,instagram_business_account{id,username}';
    return (await sandbox.graph('GET', '/me/accounts', body.access_token, { fields })).body.data;
  };

  it('plain: one form, back with code and state, one Page with an Instagram account', async () => {
    const back = await sandbox.login('plain@a.test');
    expect(back.origin + back.pathname).toBe(REDIRECT);
    expect(back.searchParams.get('state')).toBe('state-1');
    const { body } = await exchange(codeOf(back));
    expect(body).toEqual({ access_token: expect.stringMatching(/^EAA/), token_type: 'bearer', expires_in: 7200 });
    expect(await accountsOf('plain@a.test')).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        name: expect.any(String),
        instagram_business_account: { id: expect.stringMatching(/^17841\d+$/), username: expect.any(String) },
      },
    ]);
  });

  it('is the same person with the same Pages at every login', async () => {
    const first = await accountsOf('plain+ada@a.test');
    expect(await accountsOf('plain+ada@a.test')).toEqual(first);
    expect((await accountsOf('plain+bo@a.test'))[0].id).not.toBe(first[0].id);
  });

  it('several: the Pages can be ticked, and only those are told', async () => {
    const all = await accountsOf('several@a.test');
    expect(all.map((page) => page.instagram_business_account !== undefined)).toEqual([true, true, false]);
    const tick = (field: string, value: string) => (field === 'page' ? value === all[1].id : undefined);
    expect((await accountsOf('several@a.test', { tick })).map(({ id }) => id)).toEqual([all[1].id]);
  });

  it('no-page and no-instagram', async () => {
    expect(await accountsOf('no-page@a.test')).toEqual([]);
    const [page] = await accountsOf('no-instagram@a.test');
    expect(page).not.toHaveProperty('instagram_business_account');
  });

  it.each([
    ['refuse@a.test', {}],
    ['plain@a.test', { cancel: true }],
  ])('%s %j: back with the error fields and the state', async (userName, answers) => {
    const back = await sandbox.login(userName, {}, answers);
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'access_denied',
      error_reason: 'user_denied',
      error_description: expect.any(String),
      state: 'state-1',
    });
  });

  it('some-scopes: without the messaging permissions, unless they are ticked or asked for again', async () => {
    const scopesOf = async (query = {}, answers = {}): Promise<string[]> => {
      const { body } = await exchange(codeOf(await sandbox.login('some-scopes@a.test', query, answers)));
      const debug = await sandbox.graph('GET', '/debug_token', `${APP.id}|${APP.secret}`, {
        input_token: body.access_token,
      });
      return debug.body.data.scopes;
    };
    const usual = await scopesOf();
    expect(usual).toContain('pages_show_list');
    for (const scope of ['pages_messaging', 'instagram_manage_messages']) expect(usual).not.toContain(scope);
    expect(await scopesOf({}, { tick: () => true })).toContain('pages_messaging');
    expect(await scopesOf({ auth_type: 'rerequest' })).toContain('pages_messaging');
  });

  it('shows what is asked for, and the page has no script', async () => {
    const { html } = await visitor().open(sandbox.dialog('facebook'));
    expect(html).toContain('pages_messaging');
    expect(html).not.toMatch(/<script|onclick|javascript:/i);
  });

  it.each([
    ['another app', { client_id: 'nobody' }, /Invalid app ID/],
    ['an address elsewhere', { redirect_uri: 'https://evil.example/back' }, /URL blocked/],
    ['an unknown permission', { scope: 'everything' }, /Invalid Scopes: everything/],
    ['a token in place of a code', { response_type: 'token' }, /must be code/],
  ])('leads nowhere for %s', async (_what, query, words) => {
    const page = await visitor().open(sandbox.dialog('facebook', query));
    expect(page.status).toBe(400);
    expect(page.html).toMatch(words);
  });

  it('knows the registered addresses alone, once they are set', async () => {
    await sandbox.variant('redirect_uris', ['https://patchbay.example/back']);
    expect((await visitor().open(sandbox.dialog('facebook'))).status).toBe(400);
    const redirect_uri = 'https://patchbay.example/back';
    const back = await sandbox.login('plain@a.test', { redirect_uri });
    expect(back.origin).toBe('https://patchbay.example');
    expect((await exchange(codeOf(back), { redirect_uri })).status).toBe(200);
  });

  it('takes a code once, with the same address, with the right secret, for minutes', async () => {
    const code = codeOf(await sandbox.login('plain@a.test'));
    expect((await exchange(code, { redirect_uri: `${REDIRECT}/` })).body.error).toMatchObject({
      code: 100,
      error_subcode: 36008,
    });
    expect((await exchange(code, { client_secret: 'wrong' })).status).toBe(400);
    expect((await exchange(code)).status).toBe(200);
    expect((await exchange(code)).body.error).toMatchObject({ code: 100, error_subcode: 36009 });
    const late = codeOf(await sandbox.login('plain@a.test'));
    await sandbox.later(601);
    expect((await exchange(late)).body.error).toMatchObject({ code: 100, error_subcode: 36007 });
  });

  it('gives two exchanges of one code at once one token', async () => {
    const code = codeOf(await sandbox.login('plain@a.test'));
    const statuses = (await Promise.all([exchange(code), exchange(code)])).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 400]);
  });

  describe('with Instagram login', () => {
    const instagram = async (code: string): Promise<any> => {
      const response = await fetch(`${sandbox.metaUrl}/oauth/access_token`, {
        method: 'POST',
        body: new URLSearchParams({
          client_id: APP.id,
          client_secret: APP.secret,
          grant_type: 'authorization_code',
          redirect_uri: REDIRECT,
          code,
        }),
      });
      return response.json();
    };

    it('leads back with a code that ends in #_, and exchanges it for the account that the Page has', async () => {
      const { url } = await walkDialog(sandbox.dialog('instagram'), 'plain@a.test');
      expect(url).toMatch(/#_$/);
      const answer = await instagram(codeOf(new URL(url)));
      const [{ user_id, access_token, permissions }] = answer.data;
      expect(permissions).toContain('instagram_business_manage_messages');
      expect((await sandbox.page('plain@a.test')).instagram).toBe(user_id);
      const me = await sandbox.graph('GET', '/me', access_token, { fields: 'id,user_id,username,account_type' });
      expect(me.body).toMatchObject({ user_id, account_type: 'BUSINESS', id: expect.not.stringMatching(user_id) });
    });

    it('answers both shapes, by variant', async () => {
      await sandbox.variant('instagram_exchange', 'flat');
      await sandbox.variant('instagram_permissions', 'array');
      const { url } = await walkDialog(sandbox.dialog('instagram'), 'plain@a.test');
      expect(await instagram(codeOf(new URL(url)))).toEqual({
        access_token: expect.stringMatching(/^IGAA/),
        user_id: expect.stringMatching(/^17841/),
        permissions: ['instagram_business_basic', 'instagram_business_manage_messages'],
      });
    });

    it('has an error shape of its own for a code that was used', async () => {
      const { url } = await walkDialog(sandbox.dialog('instagram'), 'plain@a.test');
      await instagram(codeOf(new URL(url)));
      expect(await instagram(codeOf(new URL(url)))).toEqual({
        error_type: 'OAuthException',
        code: 400,
        error_message: 'Matching code was not found or was already used',
      });
    });

    it('says on its page that an account is not professional', async () => {
      const page = await walkDialog(sandbox.dialog('instagram'), 'no-instagram@a.test');
      expect(page.html).toMatch(/role="alert".*professional/);
    });
  });
});
