import type { Channel } from '../../../domain/channels.ts';
import type { LoginInput } from '../../../providers/provider.ts';
import { unipile } from '../../../providers/unipile/index.ts';
import { inputFor } from './peer.ts';

describe('A3: what a login starts with is checked before anybody is asked', () => {
  const wrong = (
    channel: Channel,
    credentials: Record<string, unknown>,
    method: LoginInput['method'] = 'credentials',
  ): string | null => unipile.validateLoginInput(channel, { method, credentials });

  it.each(['linkedin', 'instagram', 'messenger', 'mail'] as const)('of %s', (channel) => {
    const { credentials } = inputFor(channel, 'canary');
    expect(wrong(channel, credentials)).toBeNull();
    for (const name of Object.keys(credentials)) {
      const { [name]: _left, ...rest } = credentials;
      expect(wrong(channel, rest)).toMatch(/^credentials: missing, wrong or unknown: /);
    }
  });

  it.each([
    ['linkedin', { access_token: 'li_at', premium_token: 'li_a', recruiter_contract_id: 'c', user_agent: 'u' }],
    ['linkedin', { username: 'a', password: 'b', recruiter_contract_id: 'c', disabled_features: ['x'] }],
    ['instagram', { sessionid: 's', proxy: { host: 'h', port: 1, protocol: 'http' }, country: 'fr' }],
    ['whatsapp', {}],
    ['whatsapp', { pairing_phone_number: '+33639980100', sync_limit: { chats: 0 } }],
    ['telegram', { country: 'fr' }],
  ] as const)('of %s with the options of the contract: %j', (channel, credentials) =>
    expect(wrong(channel, credentials)).toBeNull(),
  );

  it.each([
    ['whatsapp', { pairing_phone_number: 'canary' }],
    ['whatsapp', { username: 'canary' }],
    ['linkedin', { username: 'canary' }],
    ['linkedin', { username: '', password: 'canary' }],
    ['linkedin', { username: 'a', password: 'canary', odd: 1 }],
    ['instagram', { access_token: 'canary' }],
    ['telegram', { proxy: 'canary' }],
  ] as const)('and what is wrong is named, never repeated: %s %j', (channel, credentials) => {
    const said = wrong(channel, credentials);
    expect(said).toMatch(/^credentials: /);
    expect(said).not.toContain('canary');
  });

  it('of a page of the provider’s own is nothing', () => {
    expect(wrong('linkedin', {}, 'hosted')).toBeNull();
    expect(wrong('linkedin', { password: 'canary' }, 'hosted')).toMatch(/password/);
  });
});

describe('the settings of UniPile', () => {
  const check = (dsn: string | undefined, access_token: string | undefined = 'token.AB+/=') =>
    unipile.checkSettings({ ...(dsn === undefined ? {} : { dsn }), access_token });

  it.each(['api1.unipile.com:13111', 'https://api1.unipile.com:13111', 'http://127.0.0.1:3911', 'http://localhost:1'])(
    'take %s',
    (dsn) => expect(check(dsn)).toBeNull(),
  );

  it.each([undefined, '', 'a b', 'http://api1.unipile.com:13111', 'https://'])('do not take %j', (dsn) =>
    expect(check(dsn)).toMatch(/^dsn /),
  );

  it.each(['', 'two\nlines', 'ключ'])('do not take the token %j, nor repeat it', (token) => {
    const said = check('api1.unipile.com', token);
    expect(said).toMatch(/^access_token /);
    expect(said).not.toContain(token || 'token.AB');
  });
});
