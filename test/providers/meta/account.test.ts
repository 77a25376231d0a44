import { limitationsOf } from '../../../domain/accounts.ts';
import { meta } from '../../../providers/meta/index.ts';
import type { ProviderCall } from '../../../providers/provider.ts';
import {
  APP,
  APP_TOKEN,
  startMetaReceiver,
  startMetaSandbox,
  WHATSAPP,
  type MetaSandbox,
} from '../../sandbox/meta-sandbox.ts';
import { failureOf } from '../unipile/peer.ts';
import { callTo, connected, linkedCall, logIn, tokenLogin } from './calls.ts';

const { account, login } = meta;

let world: MetaSandbox;
beforeAll(async () => {
  world = await startMetaSandbox();
});
beforeEach(() => world.control('POST', '/reset'));
afterAll(() => world?.close());

const drop = (call: ProviderCall, status: string) =>
  world.control('POST', '/drop', { account_id: call.providerAccountId, status });

const number = async (): Promise<ProviderCall> => {
  const call = callTo(world.metaUrl, { channel: 'whatsapp' });
  const given = { access_token: WHATSAPP.token, business_account_id: WHATSAPP.waba, phone_number_id: WHATSAPP.number };
  return linkedCall(call, await login.begin(call, tokenLogin(given)));
};
const subscribedTo = async (node: string, token = ''): Promise<any[]> =>
  (await world.graph('GET', `/${node}/subscribed_apps`, token)).body.data;

describe('D11: what Meta says of an account', () => {
  it.each([
    ['expired', 'login_lost', /190\/463/],
    ['password_changed', 'login_lost', /190\/460/],
    ['app_removed', 'login_lost', /190\/458/],
    ['logged_out', 'login_lost', /190\/467/],
    ['role_lost', 'login_lost', /190\/492/],
    ['checkpoint', 'owner_check_required', /190\/459/],
    ['unconfirmed', 'owner_check_required', /190\/464/],
  ])('"%s" is a login that is over: %s', async (status, reason, reported) => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await drop(call, status);
    expect(await login.check(call)).toMatchObject({
      status: 'login_lost',
      reason,
      reported: expect.stringMatching(reported),
    });
  });

  it('a permission for messages that was withdrawn is named', async () => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await drop(call, 'permission_withdrawn');
    expect(await login.check(call)).toMatchObject({ status: 'login_lost', reason: 'permission_missing' });
  });

  it('of an Instagram login shows the same', async () => {
    const call = await connected(world, 'instagram', 'plain@meta.example', { login: 'instagram' });
    await drop(call, 'app_removed');
    expect(await login.check(call)).toMatchObject({ status: 'login_lost', reason: 'login_lost' });
  });

  it.each([
    ['disconnected', 'login_lost', undefined],
    ['banned', 'login_lost', 'account_restricted'],
    ['restricted', 'linked', undefined],
    ['flagged', 'linked', undefined],
  ])('a number that is %s is %s', async (status, expected, reason) => {
    const call = await number();
    await drop(call, status);
    const view = await login.check(call);
    expect(view).toMatchObject({ status: expected, reported: status.toUpperCase() });
    expect(view.reason).toBe(reason);
  });

  it('nothing without a login or a key', async () => {
    expect(await login.check(callTo(world.metaUrl))).toMatchObject({ status: 'not_found' });
    expect(await login.check(callTo(world.metaUrl, { providerAccountId: '101' }))).toMatchObject({
      status: 'login_lost',
    });
  });

  it('trouble of Meta’s is no word on the account', async () => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await world.control('PUT', '/faults', { provider: 'meta', rate_500: 1 });
    expect(await failureOf(login.check(call))).toMatchObject({ code: 'provider_unavailable' });
    await world.control('PUT', '/faults', { provider: 'meta' });
  });
});

describe('D4: the subscription of an account', () => {
  it('of a Page has its messages reported, and once more changes nothing', async () => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await account.subscribe(call);
    await account.subscribe(call);
    const apps = await subscribedTo(call.providerAccountId ?? '', call.keys?.apiKey);
    expect(apps).toHaveLength(1);
    expect(apps[0].subscribed_fields).toEqual(
      expect.arrayContaining([
        'messages',
        'messaging_postbacks',
        'message_deliveries',
        'message_reads',
        'message_reactions',
        'message_echoes',
        'message_edits',
      ]),
    );
  });

  it('of an Instagram account is that of its Page, or its own', async () => {
    const byPage = await connected(world, 'instagram', 'plain@meta.example');
    await account.subscribe(byPage);
    expect(await subscribedTo(byPage.keys?.node ?? '', byPage.keys?.apiKey)).toHaveLength(1);
    const own = await connected(world, 'instagram', 'plain+2@meta.example', { login: 'instagram' });
    await account.subscribe(own);
    expect(await subscribedTo(own.providerAccountId ?? '', own.keys?.apiKey)).toHaveLength(1);
  });

  it('of a number is that of its business account, also where Meta writes success as a text', async () => {
    await world.variant('success_answer', 'text');
    await account.subscribe(await number());
    expect(await subscribedTo(WHATSAPP.waba, WHATSAPP.token)).toHaveLength(1);
  });

  it('is left out without the permission, and the details say so', async () => {
    const tick = (field: string, value: string): boolean | undefined =>
      field === 'scope' ? value !== 'pages_manage_metadata' : undefined;
    const open = callTo(world.metaUrl);
    const call = linkedCall(open, await logIn(open, 'some-scopes@meta.example', {}, { tick }));
    await account.subscribe(call);
    const { connection_config: config, provider_config } = await account.details(call, await login.check(call));
    expect(limitationsOf(config).map(({ status }) => status)).toEqual([
      expect.stringMatching(/^NOT_GRANTED: New messages are not reported/),
      expect.stringMatching(/^NOT_SUBSCRIBED/),
    ]);
    expect(provider_config).toMatchObject({ webhook_events: [], features: { send: true, receive: false } });
  });
});

describe('A9: the points of an account', () => {
  it('of a Page are complete', async () => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await account.subscribe(call);
    const { connection_config, provider_config } = await account.details(call, await login.check(call));
    expect(connection_config).toMatchObject({
      phone_number: null,
      account_type: 'MESSENGER',
      messaging_status: 'OK',
      messaging_source_id: call.providerAccountId,
      sources: [{ id: call.providerAccountId, status: 'OK' }],
      groups: [expect.stringMatching(/^user:/), `page:${call.providerAccountId}`],
      api_object_type: 'page',
    });
    expect(Object.keys(connection_config)).toHaveLength(10);
    expect(Object.keys(provider_config)).toHaveLength(8);
    expect(provider_config).toMatchObject({
      features: { send: true, receive: true, read_receipts: true, delivery_status: true, media: true },
      account_metadata: { display_name: expect.stringMatching(/Coffee$/), country_code: null },
      messaging_enabled: true,
      provider_type: 'META',
    });
  });

  it('of a number show its name, its country and how fast it sends', async () => {
    const call = await number();
    await account.subscribe(call);
    const { connection_config, provider_config } = await account.details(call, await login.check(call));
    expect(connection_config).toMatchObject({
      phone_number: '+27110000001',
      account_type: 'WHATSAPP',
      messaging_status: 'CONNECTED',
      api_object_type: 'phone_number',
    });
    expect(provider_config).toMatchObject({
      account_metadata: { country_code: 'ZA', display_name: 'Karoo Coffee' },
      rate_limits: { burst: 4_800 },
      notification_preferences: { messages: true, receipts: true, account_status: true },
    });
  });

  it.each([{}, { login: 'instagram' }])('of an Instagram account, by %j, name its person', async (credentials) => {
    const call = await connected(world, 'instagram', 'plain@meta.example', credentials);
    await account.subscribe(call);
    const { connection_config, provider_config } = await account.details(call, await login.check(call));
    expect(connection_config).toMatchObject({ account_type: 'INSTAGRAM', messaging_source_id: call.providerAccountId });
    expect(provider_config.account_metadata.display_name).toEqual(expect.any(String));
    expect(provider_config.features.receive).toBe(true);
  });

  it('are not made up of a login that is over', async () => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await drop(call, 'checkpoint');
    const view = await login.check(call);
    expect(await failureOf(account.details(call, view))).toMatchObject({ code: 'owner_check_required' });
  });
});

describe('D7: the end of a login', () => {
  it('takes the subscription and the permissions back where the account is alone', async () => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await account.subscribe(call);
    const { groups } = await login.check(call);
    await login.revoke(call, groups);
    expect(await login.check(call)).toMatchObject({ status: 'login_lost' });
    await login.revoke(call, groups);
  });

  it('leaves to other accounts what they share', async () => {
    const [page, instagram] = [
      await connected(world, 'messenger', 'plain@meta.example'),
      await connected(world, 'instagram', 'plain@meta.example'),
    ];
    await account.subscribe(page);
    await login.revoke(page, []);
    expect(await login.check(instagram)).toMatchObject({ status: 'linked' });
    expect(await subscribedTo(page.providerAccountId ?? '', page.keys?.apiKey)).toHaveLength(1);
    // The owner has other Pages, and this one no other account.
    await login.revoke(page, [`page:${page.providerAccountId}`]);
    expect(await login.check(instagram)).toMatchObject({ status: 'linked' });
    expect(await subscribedTo(page.providerAccountId ?? '', page.keys?.apiKey)).toEqual([]);
  });

  it('of a number ends what comes from its business account, where it was the last one', async () => {
    const call = await number();
    await account.subscribe(call);
    await login.revoke(call, []);
    expect(await subscribedTo(WHATSAPP.waba, WHATSAPP.token)).toHaveLength(1);
    await login.revoke(call, [`waba:${WHATSAPP.waba}`]);
    expect(await subscribedTo(WHATSAPP.waba, WHATSAPP.token)).toEqual([]);
  });

  it('is one without a key, too', async () => {
    await login.revoke(callTo(world.metaUrl, { providerAccountId: '101' }), ['page:101']);
  });
});

describe('D8: the credentials', () => {
  it('count where the app’s number and secret belong together', async () => {
    const call = callTo(world.metaUrl);
    await account.checkCredentials(call);
    for (const wrong of [{ app_secret: 'another' }, { app_id: '404' }] as Record<string, string>[])
      expect(
        await failureOf(account.checkCredentials({ ...call, settings: { ...call.settings, ...wrong } })),
      ).toMatchObject({
        code: 'provider_key_rejected',
      });
  });

  it('register the address of webhooks, which proves itself, unless an operator did', async () => {
    const receiver = await startMetaReceiver('our-secret');
    const call = callTo(world.metaUrl);
    expect(await account.registerWebhooks(call, receiver.url, 'our-secret')).toEqual([
      'page',
      'instagram',
      'whatsapp_business_account',
    ]);
    const { body } = await world.graph('GET', `/${APP.id}/subscriptions`, APP_TOKEN);
    expect(body.data.map((one: any) => [one.object, one.callback_url])).toEqual([
      ['page', receiver.url],
      ['instagram', receiver.url],
      ['whatsapp_business_account', receiver.url],
    ]);
    expect(await failureOf(account.registerWebhooks(call, receiver.url, 'another'))).toMatchObject({
      code: 'request_refused',
    });
    await receiver.close();
    const real = { ...call, settings: { app_id: '1', app_secret: 's', verify_token: 'my-own' } };
    expect(await account.registerWebhooks(real, 'https://patchbay.example/webhooks', 'x')).toEqual([]);
  });

  it('show the numbers of the WhatsApp account in the settings, which can be taken over without a login', async () => {
    const { settings } = callTo(world.metaUrl);
    const call = callTo(world.metaUrl, { channel: 'whatsapp', settings });
    expect(await account.list(call)).toEqual([]);
    const ofWhatsapp = {
      ...settings,
      whatsapp_access_token: WHATSAPP.token,
      whatsapp_business_account_id: WHATSAPP.waba,
    };
    const listed = await account.list({ ...call, settings: ofWhatsapp });
    expect(listed).toEqual([
      expect.objectContaining({ providerAccountId: WHATSAPP.number, channel: 'whatsapp' }),
      expect.objectContaining({ providerAccountId: '201000000000002' }),
    ]);
    const taken = { ...call, settings: ofWhatsapp, providerAccountId: '201000000000002' };
    expect(await login.check(taken)).toMatchObject({
      status: 'linked',
      identity: '+27110000002',
      keys: { apiKey: WHATSAPP.token, business: WHATSAPP.waba },
    });
    await account.subscribe(taken);
  });
});
