import { wasender } from '../../../providers/wasender/index.ts';
import { baseUrl, soleSessionKey } from '../../../providers/wasender/settings.ts';

const key = 'a1'.repeat(32);
const { checkSettings } = wasender;

describe('the token', () => {
  it.each([['1|sandbox-pat'], ['12345|AbC_dEf-0'], [key], [key.toUpperCase()]])('may be %s', (api_token) =>
    expect(checkSettings({ api_token })).toBeNull(),
  );

  it.each([[''], ['swordfish'], ['1|'], ['|x'], ['1|a|b'], [`${key} `], [`${key}\n`], ['ключ']])(
    'is not "%s", and is not repeated',
    (api_token) => {
      const said = checkSettings({ api_token });
      expect(said).toMatch(/^api_token .*\.$/);
      if (api_token.length > 3) expect(said).not.toContain(api_token);
    },
  );

  it('is told by its shape: a session’s key has no bar', () => {
    expect(soleSessionKey({ api_token: '1|sandbox-pat' })).toBeNull();
    expect(soleSessionKey({ api_token: key })).toBe(key);
    expect(soleSessionKey({})).toBeNull();
  });
});

describe('the address', () => {
  it.each([
    [undefined, 'https://www.wasenderapi.com/api'],
    ['https://wasenderapi.com/api/', 'https://wasenderapi.com/api'],
    ['http://127.0.0.1:3912/api', 'http://127.0.0.1:3912/api'],
    ['http://[::1]:3912/api', 'http://[::1]:3912/api'],
  ])('%s is %s', (base_url, wanted) => {
    const settings = { api_token: key, ...(base_url ? { base_url } : {}) };
    expect(baseUrl(settings)).toBe(wanted);
    expect(checkSettings(settings)).toBeNull();
  });

  it.each([
    'http://wasenderapi.com/api',
    'ftp://127.0.0.1/api',
    'wasenderapi.com',
    'https://u:p@x.example',
    'https://x.example/?a',
  ])('is not %s', (base_url) => expect(checkSettings({ api_token: key, base_url })).toMatch(/^base_url .*\.$/));
});
