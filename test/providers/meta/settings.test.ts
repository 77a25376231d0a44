import type { Channel, Method } from '../../../domain/channels.ts';
import { loadConfig } from '../../../services/boot.ts';
import { providers } from '../../../providers/providers.ts';
import { meta } from '../../../providers/meta/index.ts';
import { testKey } from '../../support/key.ts';

const given = { app_id: '1234567890', app_secret: 'a1b2c3d4' };

describe('D8: settings and their names in the environment', () => {
  it('are those that are documented', () => {
    const names = Object.values(meta.settings).map(({ env }) => env);
    expect(names).toEqual(
      expect.arrayContaining([
        'META_APP_ID',
        'META_APP_SECRET',
        'META_REDIRECT_URI',
        'META_API_VERSION',
        'WHATSAPP_ACCESS_TOKEN',
        'WHATSAPP_BUSINESS_ACCOUNT_ID',
        'WHATSAPP_PHONE_NUMBER_ID',
        'WEBHOOK_VERIFY_TOKEN',
      ]),
    );
    const needed = { DATABASE_URL: 'postgres://a@127.0.0.1/b', ENCRYPTION_KEY: testKey };
    const ofApp = { META_APP_ID: '1', META_APP_SECRET: 's', WHATSAPP_PHONE_NUMBER_ID: '201' };
    expect(loadConfig({ ...needed, ...ofApp }, providers).providers).toEqual({
      meta: { app_id: '1', app_secret: 's', whatsapp_phone_number_id: '201' },
    });
    expect(() => loadConfig({ ...needed, META_APP_ID: '1' }, providers)).toThrow(
      'META_APP_ID and META_APP_SECRET belong together: set both or neither.',
    );
    expect(loadConfig({ ...needed, WEBHOOK_VERIFY_TOKEN: 'alone' }, providers).providers).toEqual({});
  });

  it.each<Record<string, string>>([
    {},
    { api_version: 'v25.0' },
    { base_url: 'http://127.0.0.1:3913' },
    { base_url: 'https://graph.example/meta/' },
    { redirect_uri: 'https://app.example/api/platforms/callback' },
    { redirect_uri: 'http://localhost:3900/api/platforms/callback' },
    { instagram_app_id: '99', instagram_app_secret: 'x' },
    { whatsapp_access_token: 'EAAx', whatsapp_business_account_id: '301', whatsapp_phone_number_id: '201' },
    { verify_token: 'my-token' },
  ])('will do with %j', (more) => expect(meta.checkSettings({ ...given, ...more })).toBeNull());

  it.each<[string, Record<string, string>]>([
    ['app_id', { app_id: '' }],
    ['app_id', { app_id: 'canary id' }],
    ['app_secret', { app_secret: '' }],
    ['app_secret', { app_secret: 'canary\nline' }],
    ['api_version', { api_version: 'canary' }],
    ['api_version', { api_version: '26.0' }],
    ['base_url', { base_url: 'http://canary.example' }],
    ['base_url', { base_url: 'https://canary.example/?a=b' }],
    ['redirect_uri', { redirect_uri: 'http://canary.example/back' }],
    ['instagram_app_id', { instagram_app_secret: 'canary' }],
    ['whatsapp_access_token', { whatsapp_access_token: 'canary token' }],
    ['whatsapp_phone_number_id', { whatsapp_phone_number_id: '/canary' }],
    ['verify_token', { verify_token: 'canary token' }],
  ])('name %s when it is wrong, and do not repeat it: %j', (name, wrong) => {
    const said = meta.checkSettings({ ...given, ...wrong });
    expect(said).toMatch(new RegExp(`^${name} `));
    expect(said).not.toContain('canary');
  });
});

describe('D1, D3: what a login starts with is checked before anybody is asked', () => {
  const wrong = (channel: Channel, method: Method, credentials: Record<string, unknown>) =>
    meta.validateLoginInput(channel, { method, credentials });

  it.each<[Channel, Method, Record<string, unknown>]>([
    ['instagram', 'oauth', {}],
    ['instagram', 'oauth', { login: 'instagram', choose: 'first' }],
    ['instagram', 'token', { access_token: 'EAAx' }],
    ['messenger', 'oauth', { login: 'facebook', choose: 'ask' }],
    ['messenger', 'token', { access_token: 'EAAx', choose: 'first' }],
    ['whatsapp', 'token', {}],
    ['whatsapp', 'token', { access_token: 'EAAx', business_account_id: '301', phone_number_id: '201' }],
  ])('%s by %s takes %j', (channel, method, credentials) => expect(wrong(channel, method, credentials)).toBeNull());

  it.each<[Channel, Method, Record<string, unknown>]>([
    ['messenger', 'oauth', { login: 'instagram' }],
    ['messenger', 'oauth', { choose: 'canary' }],
    ['messenger', 'token', {}],
    ['messenger', 'token', { access_token: 'canary token' }],
    ['instagram', 'token', { access_token: 7 }],
    ['instagram', 'oauth', { access_token: 'canary' }],
    ['whatsapp', 'token', { phone_number_id: '+27 canary' }],
    ['whatsapp', 'token', { business_account_id: '../canary' }],
  ])('%s by %s does not take %j', (channel, method, credentials) => {
    const said = wrong(channel, method, credentials);
    expect(said).toMatch(/^credentials: missing, wrong or unknown: [\w, ]+\.$/);
    expect(said).not.toContain('canary');
  });
});

describe('the version of the Graph API', () => {
  const notices = (api_version: string | undefined, day: string) =>
    meta.notices({ ...given, ...(api_version && { api_version }) }, Date.parse(`${day}T12:00:00Z`));

  it('is a current one by default, and says nothing then', () => {
    expect(notices(undefined, '2026-11-30')).toEqual([]);
    expect(notices('v25.0', '2026-11-30')).toEqual([]);
    expect(notices('v31.0', '2026-11-30')).toEqual([]);
  });

  it('says in one sentence that it ends within 90 days', () => {
    expect(notices('v21.0', '2026-10-23')).toEqual([
      'Version v21.0 of the Graph API ends on 2027-01-21, in 90 days. Set META_API_VERSION (api_version) to v26.0 or a later one.',
    ]);
    expect(notices('v21.0', '2026-10-22')).toEqual([]);
  });

  it.each([
    ['v18.0', '2026-11-30'],
    ['v20.0', '2026-09-24'],
    ['v21.0', '2027-01-21'],
    ['v2.12', '2026-11-30'],
  ])('says that %s has ended by %s', (version, day) => {
    const [said = ''] = notices(version, day);
    expect(said).toMatch(/ended/);
    expect(said).toContain('META_API_VERSION');
  });
});
