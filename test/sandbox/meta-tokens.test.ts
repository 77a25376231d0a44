import { createHmac } from 'node:crypto';
import { eventually } from '../support/eventually.ts';
import { APP, APP_TOKEN, startMetaReceiver, startMetaSandbox, WHATSAPP, type MetaSandbox } from './meta-sandbox.ts';

const DAY = 86_400;

describe("Meta's tokens under the sandbox's clock", () => {
  let sandbox: MetaSandbox;
  beforeEach(async () => {
    sandbox = await startMetaSandbox();
  });
  afterEach(() => sandbox.close());

  const errorOf = async (token: string): Promise<[number, number] | null> => {
    const { error } = (await sandbox.graph('GET', '/me', token)).body;
    return error ? [error.code, error.error_subcode] : null;
  };
  const longer = (token: string) =>
    sandbox.graph('GET', '/oauth/access_token', null, {
      grant_type: 'fb_exchange_token',
      client_id: APP.id,
      client_secret: APP.secret,
      fb_exchange_token: token,
    });
  const debug = async (token: string): Promise<any> =>
    (await sandbox.graph('GET', '/debug_token', APP_TOKEN, { input_token: token })).body.data;

  it('a long-lived token lives 60 days, is renewed while it counts, and not afterwards', async () => {
    const first = await sandbox.userToken('plain@a.test');
    await sandbox.later(59 * DAY);
    const renewed = await longer(first);
    expect(renewed.body).toMatchObject({ token_type: 'bearer', expires_in: 60 * DAY });
    expect(renewed.body.access_token).not.toBe(first);
    await sandbox.later(2 * DAY);
    expect(await errorOf(first)).toEqual([190, 463]);
    expect((await longer(first)).body.error).toMatchObject({ code: 190, error_subcode: 463 });
    expect(await errorOf(renewed.body.access_token)).toBeNull();
  });

  it('a Page token of a long-lived token has no end; one of a short-lived token ends with it', async () => {
    const { token } = await sandbox.page('plain@a.test');
    expect(await debug(token)).toMatchObject({ type: 'PAGE', is_valid: true, expires_at: 0 });
    const back = await sandbox.login('plain+short@a.test');
    const { body } = await sandbox.graph('GET', '/oauth/access_token', null, {
      client_id: APP.id,
      client_secret: APP.secret,
      redirect_uri: 'http://127.0.0.1:9/back',
      code: back.searchParams.get('code'),
    });
    const [page] = (await sandbox.graph('GET', '/me/accounts', body.access_token)).body.data;
    await sandbox.later(3 * 3600);
    expect(await errorOf(page.access_token)).toEqual([190, 463]);
    await sandbox.later(400 * DAY);
    expect(await errorOf(token)).toBeNull();
  });

  it('debug_token tells kinds, ends, permissions and the Pages that were chosen', async () => {
    const page = await sandbox.page('several@a.test');
    const user = await debug(page.userToken);
    expect(user).toMatchObject({
      app_id: APP.id,
      type: 'USER',
      is_valid: true,
      user_id: expect.stringMatching(/^\d+$/),
    });
    expect(user.expires_at).toBeGreaterThan(Date.now() / 1000 + 59 * DAY);
    expect(user.granular_scopes.find(({ scope }: any) => scope === 'pages_messaging').target_ids).toHaveLength(3);
    expect(await debug(page.token)).toMatchObject({ type: 'PAGE', profile_id: page.id });
    expect(await debug(WHATSAPP.token)).toMatchObject({
      type: 'SYSTEM_USER',
      expires_at: 0,
      data_access_expires_at: 0,
    });
    expect(await debug(APP_TOKEN)).toMatchObject({ type: 'APP', is_valid: true });
    await sandbox.control('POST', '/drop', { account_id: page.id, status: 'password changed' });
    expect(await debug(page.token)).toMatchObject({ is_valid: false, error: { code: 190, subcode: 460 } });
  });

  it('Instagram: an hour, then 60 days, refreshed from its second day on', async () => {
    const { token } = await sandbox.instagramToken('plain@a.test');
    const long = await sandbox.graph('GET', '/access_token', token, {
      grant_type: 'ig_exchange_token',
      client_secret: APP.secret,
    });
    expect(long.body).toEqual({ access_token: expect.any(String), token_type: 'bearer', expires_in: 60 * DAY });
    const refresh = (value: string) =>
      sandbox.graph('GET', '/refresh_access_token', value, { grant_type: 'ig_refresh_token' });
    expect((await refresh(long.body.access_token)).body.error).toMatchObject({ code: 100 });
    await sandbox.later(3601);
    expect(await errorOf(token)).toEqual([190, 463]);
    await sandbox.later(DAY);
    const fresh = await refresh(long.body.access_token);
    expect(fresh.body).toMatchObject({ token_type: 'bearer', expires_in: 60 * DAY });
    await sandbox.later(60 * DAY);
    expect((await refresh(long.body.access_token)).body.error).toMatchObject({ code: 190, error_subcode: 463 });
    expect(await errorOf(fresh.body.access_token)).toEqual([190, 463]);
  });

  it.each([
    ['password changed', 460],
    ['checkpoint', 459],
    ['unconfirmed', 464],
    ['logged out', 467],
    ['app removed', 458],
    [460, 460],
  ])('drop %s: every token of the person answers 190/%i', async (status, subcode) => {
    const page = await sandbox.page('plain@a.test');
    const other = await sandbox.page('plain+other@a.test');
    expect((await sandbox.control('POST', '/drop', { account_id: page.id, status })).status).toBe(200);
    expect(await errorOf(page.token)).toEqual([190, subcode]);
    expect(await errorOf(page.userToken)).toEqual([190, subcode]);
    expect(await errorOf(other.token)).toBeNull();
  });

  it.each([
    ['role lost', 492],
    ['expired', 463],
  ])('drop %s: by the id of an Instagram account too', async (status, subcode) => {
    const page = await sandbox.page('plain@a.test');
    await sandbox.control('POST', '/drop', { account_id: page.instagram, status });
    expect(await errorOf(page.token)).toEqual([190, subcode]);
  });

  it("drop of a number: its system user's token, or its status with account_update", async () => {
    const receiver = await startMetaReceiver();
    await sandbox.listen(receiver, null);
    await sandbox.control('POST', '/drop', { account_id: WHATSAPP.number, status: 'DISCONNECTED' });
    await receiver.until(1);
    expect(receiver.items()[0]).toMatchObject({
      object: 'whatsapp_business_account',
      entry: WHATSAPP.waba,
      item: { field: 'account_update', value: { event: 'ACCOUNT_OFFBOARDED', waba_info: { waba_id: WHATSAPP.waba } } },
    });
    const shown = await sandbox.graph('GET', `/${WHATSAPP.number}`, WHATSAPP.token, { fields: 'status' });
    expect(shown.body.status).toBe('DISCONNECTED');
    await sandbox.control('POST', '/drop', { account_id: WHATSAPP.number, status: 'logged_out' });
    expect(await errorOf(WHATSAPP.token)).toEqual([190, 467]);
    await sandbox.control('POST', '/scan', { account_id: WHATSAPP.number });
    expect(await errorOf(WHATSAPP.token)).toBeNull();
    await receiver.close();
  });

  it('a checkpoint is passed by POST /approve, and a new login gives new tokens after any end', async () => {
    const page = await sandbox.page('plain@a.test');
    expect((await sandbox.control('POST', '/approve', { account_id: page.id })).status).toBe(409);
    await sandbox.control('POST', '/drop', { account_id: page.id, status: 'checkpoint' });
    await sandbox.control('POST', '/approve', { account_id: page.id });
    expect(await errorOf(page.token)).toBeNull();
    await sandbox.control('POST', '/drop', { account_id: page.id, status: 'app_removed' });
    const again = await sandbox.page('plain@a.test');
    expect(again.id).toBe(page.id);
    expect(await errorOf(again.token)).toBeNull();
    expect(await errorOf(page.token)).toEqual([190, 458]);
  });

  it('a withdrawn permission leaves the token alive', async () => {
    const page = await sandbox.page('plain@a.test');
    await sandbox.control('POST', '/drop', { account_id: page.id, status: 'permission withdrawn' });
    expect(await errorOf(page.token)).toBeNull();
    const { error } = (await sandbox.graph('GET', `/${page.id}/conversations`, page.token, { platform: 'messenger' }))
      .body;
    expect(error.code).toBe(200);
  });

  it.each([
    ['app removed', 'deauthorize', 'deauth_callback_url', ['algorithm', 'issued_at', 'user_id']],
    ['data deletion', 'data_deletion', 'data_deletion_url', ['algorithm', 'expires', 'issued_at', 'user_id']],
  ])('%s calls the address that the app has registered, with a signed request', async (status, label, field, names) => {
    const receiver = await startMetaReceiver();
    expect((await sandbox.graph('POST', `/${APP.id}`, APP_TOKEN, { [field]: receiver.url })).body).toEqual({
      success: true,
    });
    const page = await sandbox.page('plain@a.test');
    const { user_id } = await debug(page.userToken);
    await sandbox.control('POST', '/drop', { account_id: page.id, status });
    const [call] = await receiver.until(1);
    expect(call?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    const [signature = '', payload = ''] = (new URLSearchParams(call?.text).get('signed_request') ?? '').split('.');
    expect(signature).toBe(createHmac('sha256', APP.secret).update(payload).digest('base64url'));
    const told = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    expect(Object.keys(told).toSorted()).toEqual(names);
    expect(told).toMatchObject({ algorithm: 'HMAC-SHA256', user_id });
    await eventually('the delivery', async () =>
      (await sandbox.control('GET', '/deliveries')).body.some(
        (one: any) => one.label === label && one.state === 'delivered',
      ),
    );
    await receiver.close();
  });

  it('an app removed by our own call gets no callback', async () => {
    const receiver = await startMetaReceiver();
    await sandbox.graph('POST', `/${APP.id}`, APP_TOKEN, { deauth_callback_url: receiver.url });
    const page = await sandbox.page('plain@a.test');
    expect((await sandbox.graph('DELETE', '/me/permissions', page.userToken)).body).toEqual({ success: true });
    expect(await errorOf(page.token)).toEqual([190, 458]);
    expect((await sandbox.control('GET', '/deliveries')).body).toEqual([]);
    await receiver.close();
  });

  it('the proof of a call is checked where it is given, and demanded by variant', async () => {
    const page = await sandbox.page('plain@a.test');
    const proof = createHmac('sha256', APP.secret).update(page.token).digest('hex');
    const ask = async (params: object): Promise<number | undefined> =>
      (await sandbox.graph('GET', '/me', page.token, params as Record<string, unknown>)).body.error?.code;
    expect(await ask({ appsecret_proof: proof })).toBeUndefined();
    expect(await ask({ appsecret_proof: proof.replace(/^./, (one) => (one === '0' ? '1' : '0')) })).toBe(104);
    expect(await ask({})).toBeUndefined();
    await sandbox.variant('require_proof', true);
    expect(await ask({})).toBe(104);
    expect(await ask({ appsecret_proof: proof })).toBeUndefined();
  });

  it('keeps its people, tokens and messages over a restart', async () => {
    const { mkdtempSync, rmSync } = await import('node:fs');
    const { tmpdir } = await import('node:os');
    const { join } = await import('node:path');
    const folder = mkdtempSync(join(tmpdir(), 'patchbay-meta-'));
    let kept = await startMetaSandbox(join(folder, 'world'));
    const page = await kept.page('plain@a.test');
    const { body } = await kept.control('POST', '/messages', { account_id: page.id, from: 'ada', text: 'before' });
    await kept.close();
    kept = await startMetaSandbox(join(folder, 'world'));
    const [id] = [body.messages[0].message_id];
    const shown = await kept.graph('GET', `/${id}`, page.token, { fields: 'message' });
    expect(shown.body).toEqual({ id, message: 'before' });
    await kept.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
